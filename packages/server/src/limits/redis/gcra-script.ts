/**
 * GCRA in Lua: the arithmetic of gcra.ts, number for number. Both count in doubles, and with rules that gcra.ts admits no sum
 * or product here is ever rounded either.
 */
import { AS_TEXT, READ_MARK, type Script, SERVER_TIME, script } from './script.ts';

/** Of each rule: limit, window in milliseconds, burst, what is spent. */
export const ARGUMENTS_OF_A_RULE = 4;

/**
 * KEYS: the mark, then a counter for each rule. ARGV: `spend` or `peek`, then the four numbers of each rule.
 * Answers the mark, then of each rule whether it admits, 1 or 0, and its backlog afterwards.
 *
 * A counter is kept as "backlog at limit window burst" until it is drained: one that is not there is unused. A clock that
 * was stepped back takes no time away, as in memory: the counter goes on from the new time with what it had.
 * Where writing is refused, the first write fails and none is made.
 *
 * @param time Lua that sets `now`
 */
export function gcraScript(time: string = SERVER_TIME): Script {
  return script(`${time}${AS_TEXT}
local writes = ARGV[1] == 'spend'
${READ_MARK}
local counters = {}
local allowed = true
for index = 1, #KEYS - 1 do
  local first = (index - 1) * ${ARGUMENTS_OF_A_RULE} + 2
  local limit = tonumber(ARGV[first])
  local window = tonumber(ARGV[first + 1])
  local burst = tonumber(ARGV[first + 2])
  local spent = tonumber(ARGV[first + 3])
  local backlog = 0
  local changed = false
  local kept = redis.call('GET', KEYS[index + 1])
  if kept then
    local held, at, pace, span, most = string.match(kept, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
    held, at, pace, span, most = tonumber(held), tonumber(at), tonumber(pace), tonumber(span), tonumber(most)
    local drained = math.max(0, now - at) * pace
    if drained < held then backlog = held - drained end
    changed = now < at
    if pace ~= limit or span ~= window or most ~= burst then
      changed = true
      if span ~= window then backlog = math.ceil(backlog / span) * window end
      backlog = math.min(backlog, burst * window)
    end
  end
  local admitted = spent <= burst and backlog + spent * window <= burst * window
  allowed = allowed and admitted
  counters[index] = { limit, window, burst, spent, backlog, admitted, changed }
end
local answer = { mark }
for index, counter in ipairs(counters) do
  local limit, window, burst, spent, backlog, admitted, changed = unpack(counter)
  if allowed and writes then
    backlog = backlog + spent * window
    changed = true
  end
  if changed and writes then
    local key = KEYS[index + 1]
    if backlog == 0 then
      redis.call('DEL', key)
    else
      local kept = text(backlog) .. ' ' .. text(now) .. ' ' .. text(limit) .. ' ' .. text(window) .. ' ' .. text(burst)
      redis.call('SET', key, kept, 'PX', text(math.ceil(backlog / limit)))
    end
  end
  answer[2 * index] = admitted and 1 or 0
  answer[2 * index + 1] = text(backlog)
end
return answer
`);
}
