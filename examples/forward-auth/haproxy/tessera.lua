-- Asks Tessera about a request: `http-request lua.ask-tessera <address:port>`. Needs HAProxy 2.6 and nothing else.
-- Sets txn.tessera_allows and the fields X-Tessera-* where it is allowed, and answers the client where it is not.

-- HAProxy asks up to four times where no answer comes.
local TIMEOUT_MS = 1500

local CREDENTIALS = { "authorization", "x-api-key", "dpop" }
local IDENTITY = { "x-tessera-token-id", "x-tessera-owner", "x-tessera-scopes" }
local LIMITS = { "ratelimit", "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset" }
local OF_DENIALS = { "content-type", "www-authenticate", "retry-after", "cache-control", "x-content-type-options", "x-request-id" }

-- HAProxy counts the values of a field from 0, and wants a list that starts at 1.
local function values(field)
  if field == nil then return nil end
  local list = {}
  for at = 0, #field do list[#list + 1] = field[at] end
  return list
end

local function question(txn)
  local sent = txn.http:req_get_headers()
  local fields = {
    ["x-forwarded-method"] = { txn.sf:method() },
    -- As it is sent on. Where it names a host too, Tessera refuses another one than in X-Forwarded-Host.
    ["x-forwarded-uri"] = { txn.sf:url() },
    ["x-forwarded-host"] = values(sent["x-forwarded-host"]),
    ["x-forwarded-proto"] = values(sent["x-forwarded-proto"]),
    ["x-forwarded-for"] = values(sent["x-forwarded-for"]),
    ["x-request-id"] = { txn.sf:unique_id() },
  }
  for _, name in ipairs(CREDENTIALS) do fields[name] = values(sent[name]) end
  return fields
end

local function deny(txn, answer)
  local reply = txn:reply({ status = answer.status, body = answer.body })
  for _, names in ipairs({ OF_DENIALS, LIMITS }) do
    for _, name in ipairs(names) do
      for _, value in ipairs(values(answer.headers[name]) or {}) do reply:add_header(name, value) end
    end
  end
  txn:done(reply)
end

local function ask(txn, address)
  local client = core.httpclient()
  local answer = client:get({
    url = "http://" .. address .. "/forward-auth",
    headers = question(txn),
    timeout = TIMEOUT_MS,
  })
  -- Only Tessera's answers have an id. Where HAProxy made one up, because none came, the line after ours answers.
  if answer == nil or answer.headers == nil or answer.headers["x-request-id"] == nil then return end
  if answer.status ~= 200 then return deny(txn, answer) end
  for _, name in ipairs(IDENTITY) do
    local value = values(answer.headers[name])
    if value ~= nil then txn.http:req_set_header(name, value[1]) end
  end
  local limits = {}
  for _, name in ipairs(LIMITS) do limits[name] = (values(answer.headers[name]) or {})[1] end
  txn:set_priv(limits)
  txn:set_var("txn.tessera_allows", true)
end

local function tell_limits(txn)
  -- What the upstream says of limits of its own would contradict these.
  for name, value in pairs(txn:get_priv() or {}) do txn.http:res_set_header(name, value) end
end

core.register_action("ask-tessera", { "http-req" }, ask, 1)
core.register_action("tell-limits", { "http-res" }, tell_limits)
