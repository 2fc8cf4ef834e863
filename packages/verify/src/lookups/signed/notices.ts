/**
 * Notices: of whom signed texts must not be believed by their claims alone, since something changed after they were signed. Each is needed until
 * the last text that it concerns has ended, so that the set is small; and it may say too much, which costs a look-up, but never too little.
 */

/** A change of the feed that concerns signed texts. */
export interface Notice {
  readonly workspace: string;
  /** As the feed tells it, such as `owner.disabled`. */
  readonly kind: string;
  readonly id: string;
  readonly seq: number;
  /** Milliseconds since the epoch, both. */
  readonly at: number;
  readonly signedUntil: number;
}

/** What a text says of itself and of whom it depends on. */
export interface SignedText {
  readonly workspace: string;
  /** Ids of the token and of all that it descends from. */
  readonly tokens: readonly string[];
  readonly owner: string | undefined;
  readonly api: string;
  readonly client: string | undefined;
  readonly session: string | undefined;
  readonly key: string;
  /** Position of the feed that it was signed after. */
  readonly seq: number;
  /** Seconds since the epoch, both. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export interface Notices {
  /** `now`: milliseconds since the epoch; what is over by then makes room. */
  add(notice: Notice, now: number): void;
  /** Whether a text has to be asked for by its digest. */
  concern(text: SignedText): boolean;
  /** Says nothing any more: they are read anew. `now`: what ended before it may be unknown from here on. */
  restart(now: number): void;
  size(): number;
  /** Bytes of the table. */
  bytes(): number;
}

/** Kinds of changes that concern those alone whom they name; any other one concerns all of its workspace. */
const SUBJECTS: readonly string[] = ['token', 'owner', 'api', 'client', 'session', 'key'];
const FEWEST_SLOTS = 1024;
/** Of each slot that is free, so that probing ends soon. */
const FULLEST = 0.75;
/** Notices that are kept; with more, everything is asked for until the rest is over. */
const MOST = FULLEST * 2 ** 21;
const SWEEP_MS = 60_000;

interface Entry {
  readonly seq: number;
  /** Seconds since the epoch, both. */
  readonly before: number;
  readonly until: number;
}

export function createNotices(most: number = MOST): Notices {
  const hash = keyedHash();
  let table = createTable(FEWEST_SLOTS);
  /** What is left of those that found no room: a notice on everything. */
  let rest: Entry | undefined;
  /** Seconds. Of texts that ended by then nothing is known: a clock that is set back makes none of them alive again. */
  let horizon = 0;
  let sweepAt = 0;

  /** Makes the table anew of what is not over, in a size that it fits. */
  const sweep = (now: number): void => {
    sweepAt = now + SWEEP_MS;
    let live = 0;
    const isOver = (until: number): boolean => until * 1000 <= now;
    for (let slot = 0; slot < table.slots; slot += 1) {
      const { until } = table.entry(slot);
      if (isOver(until)) horizon = Math.max(horizon, until);
      else live += 1;
    }
    if (rest !== undefined && isOver(rest.until)) {
      horizon = Math.max(horizon, rest.until);
      rest = undefined;
    }
    let slots = FEWEST_SLOTS;
    // Half full at most, so that a growing set is not made anew all the time.
    while (slots < live * 2 && slots * FULLEST < most) slots *= 2;
    const next = createTable(slots);
    for (let slot = 0; slot < table.slots; slot += 1) {
      const entry = table.entry(slot);
      if (!isOver(entry.until)) next.put(table.low(slot), table.high(slot), entry);
    }
    table = next;
  };
  const isFull = (): boolean => table.size() >= Math.min(most, table.slots * FULLEST);

  const find = (subject: string, workspace: string, id: string): Entry | undefined => {
    const [low, high] = hash(nameOf(subject, workspace, id));
    return table.get(low, high);
  };

  return {
    add({ workspace, kind, id, seq, at, signedUntil }, now) {
      const entry: Entry = { seq, before: Math.floor(at / 1000), until: Math.ceil(signedUntil / 1000) };
      // With as many as may be kept, only time makes room.
      if (now >= sweepAt || (isFull() && table.size() < most)) sweep(now);
      const subject = kind.slice(0, kind.indexOf('.'));
      const [low, high] = hash(
        SUBJECTS.includes(subject) ? nameOf(subject, workspace, id) : nameOf('workspace', workspace, ''),
      );
      if (isFull()) rest = rest === undefined ? entry : both(rest, entry);
      else table.put(low, high, entry);
    },
    concern(text) {
      // Compared so that what is no number is asked for.
      if (!(text.expiresAt > horizon)) return true;
      const concerned = (entry: Entry | undefined): boolean =>
        entry !== undefined && !(text.seq >= entry.seq && text.issuedAt > entry.before);
      const { workspace, tokens, owner, api, client, session, key } = text;
      return (
        concerned(rest) ||
        concerned(find('workspace', workspace, '')) ||
        concerned(find('api', workspace, api)) ||
        concerned(find('key', workspace, key)) ||
        (owner !== undefined && concerned(find('owner', workspace, owner))) ||
        (client !== undefined && concerned(find('client', workspace, client))) ||
        (session !== undefined && concerned(find('session', workspace, session))) ||
        tokens.some((id) => concerned(find('token', workspace, id)))
      );
    },
    restart(now) {
      table = createTable(FEWEST_SLOTS);
      rest = undefined;
      horizon = Math.max(horizon, Math.floor(now / 1000));
    },
    size: () => table.size() + (rest === undefined ? 0 : 1),
    bytes: () => table.slots * SLOT_BYTES,
  };
}

/** Of several on one subject only the latest matters, for as long as any of them would. */
function both(a: Entry, b: Entry): Entry {
  return {
    seq: Math.max(a.seq, b.seq),
    before: Math.max(a.before, b.before),
    until: Math.max(a.until, b.until),
  };
}

function nameOf(subject: string, workspace: string, id: string): string {
  return `${subject} ${workspace} ${id}`;
}

const SLOT_BYTES = 24;

/** Open addressing over plain numbers: no object for each notice, and nothing for a collector to walk. */
function createTable(slots: number) {
  const lows = new Uint32Array(slots);
  const highs = new Uint32Array(slots);
  const seqs = new Float64Array(slots);
  const befores = new Uint32Array(slots);
  /** 0: the slot is free. */
  const untils = new Uint32Array(slots);
  let size = 0;

  /** The slot of this hash, or the free one where it belongs. */
  const slotOf = (low: number, high: number): number => {
    let slot = low % slots;
    while (untils[slot] !== 0 && !(lows[slot] === low && highs[slot] === high)) slot = (slot + 1) % slots;
    return slot;
  };

  const entry = (slot: number): Entry => ({
    seq: seqs[slot] ?? 0,
    before: befores[slot] ?? 0,
    until: untils[slot] ?? 0,
  });

  return {
    slots,
    size: () => size,
    entry,
    low: (slot: number) => lows[slot] ?? 0,
    high: (slot: number) => highs[slot] ?? 0,
    get(low: number, high: number): Entry | undefined {
      const slot = slotOf(low, high);
      return untils[slot] === 0 ? undefined : entry(slot);
    },
    put(low: number, high: number, added: Entry): void {
      const slot = slotOf(low, high);
      if (untils[slot] === 0) size += 1;
      const { seq, before, until } = both(entry(slot), added);
      lows[slot] = low;
      highs[slot] = high;
      seqs[slot] = seq;
      befores[slot] = before;
      untils[slot] = until;
    },
  };
}

/** 64 bits in two halves, each mixed as in MurmurHash3, with a key of this process: which names fall together nobody can tell beforehand. */
function keyedHash(): (text: string) => readonly [number, number] {
  const [seedLow = 0, seedHigh = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (text) => {
    let low = seedLow;
    let high = seedHigh;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      low = stirred(low, Math.imul(unit, 0xcc9e2d51), 0x1b873593);
      high = stirred(high, Math.imul(unit, 0x239b961b), 0xab0e9789);
    }
    return [mixed(low ^ text.length), mixed(high ^ text.length)];
  };
}

function stirred(hash: number, value: number, factor: number): number {
  const stirredIn = hash ^ Math.imul(rotated(value, 15), factor);
  return (Math.imul(rotated(stirredIn, 13), 5) + 0xe6546b64) | 0;
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function mixed(hash: number): number {
  let mixing = hash ^ (hash >>> 16);
  mixing = Math.imul(mixing, 0x85ebca6b);
  mixing ^= mixing >>> 13;
  mixing = Math.imul(mixing, 0xc2b2ae35);
  return (mixing ^ (mixing >>> 16)) >>> 0;
}
