/** A moment in the future at which something happens unless it is disposed of first. */
export interface Deadline extends Disposable {
  /** Moves the moment to `ms` from now. Does nothing once it has passed or was disposed of. */
  reset(ms: number): void
}

/** All time in these packages goes through one of these, so that tests can supply their own. */
export interface Clock {
  /** Milliseconds from some fixed moment; never goes backwards. */
  now(): number
  /** Milliseconds since the epoch, for moments that others name. */
  epochNow(): number
  /** Resolves after `ms`; rejects with `signal.reason` when that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `expire` once, `ms` from now, unless disposed of. `Infinity` never expires. */
  deadline(ms: number, expire: () => void): Deadline
}

/** The narrowest slot. A deadline is met within the width of its slot, never before its moment. */
const RESOLUTION_MS = 5
/** A slot may be this part of the wait as wide, so that a few hundred slots hold any number of deadlines. */
const WIDEST_PART = 1 / 128
/** The longest delay a timer of the platform can take. */
const LONGEST_TIMER_MS = 2_147_483_647

/**
 * The clock of the machine. One timer serves every deadline: they wait in slots of 5 ms, or of a hundredth of a long
 * wait, so that setting and disposing of one costs no timer of its own.
 */
export const systemClock: Clock = createWheelClock({
  now: () => performance.now(),
  epochNow: () => Date.now(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
})

/** The clock of the machine, for what must not keep a process alive that has nothing else to do. */
export const backgroundClock: Clock = createWheelClock({
  now: () => performance.now(),
  epochNow: () => Date.now(),
  setTimer(ms, fire) {
    const timer: unknown = setTimeout(fire, ms)
    // Timers of browsers are numbers, and keep nothing alive.
    if (typeof timer === 'object') (timer as { unref(): void }).unref()
    return () => clearTimeout(timer as number)
  },
})

/** The chance of the platform: a number from 0 up to, but not, 1. Not for secrets. */
export const systemRandom: () => number = () => Math.random()

/** What a wheel clock stands on. */
export interface TimeSource {
  now(): number
  epochNow(): number
  /** Calls `fire` once after `ms`; the answer takes that back. */
  setTimer(ms: number, fire: () => void): () => void
}

/** How wide the slot of a deadline is: 5 ms, doubled for as long as that is a small part of the wait. */
function widthFor(ms: number): number {
  const doublings = Math.floor(Math.log2((ms * WIDEST_PART) / RESOLUTION_MS))
  return doublings > 0 && ms !== Infinity ? RESOLUTION_MS * 2 ** doublings : RESOLUTION_MS
}

/** Where deadlines wait. */
interface Wheel {
  slotIn(ms: number): number
  add(entry: Entry): void
  remove(entry: Entry): void
}

// A class, as many connections have one: an object with functions of its own costs four times as much.
class Entry implements Deadline {
  /** The moment it waits for: the end of its slot. `NaN` once that is past. */
  slot: number
  readonly expire: () => void
  readonly #wheel: Wheel

  constructor(wheel: Wheel, ms: number, expire: () => void) {
    this.#wheel = wheel
    this.slot = wheel.slotIn(ms)
    this.expire = expire
  }

  reset(ms: number): void {
    if (Number.isNaN(this.slot)) return
    const slot = this.#wheel.slotIn(ms)
    this.#wheel.remove(this)
    this.slot = slot
    this.#wheel.add(this)
  }

  [Symbol.dispose](): void {
    this.#wheel.remove(this)
    this.slot = Number.NaN
  }
}

/** A clock that serves any number of deadlines with one timer of its source, and with none while there are none. */
export function createWheelClock(source: TimeSource): Clock {
  const slots = new Map<number, Set<Entry>>()
  let armedSlot = Infinity
  let disarm: (() => void) | undefined

  function slotIn(ms: number): number {
    // One slot that is no number would keep every other from being the earliest.
    if (Number.isNaN(ms)) throw new RangeError('a deadline needs a number of milliseconds')
    const width = widthFor(ms)
    return Math.ceil((source.now() + Math.max(ms, 0)) / width) * width
  }

  function add(entry: Entry): void {
    if (entry.slot === Infinity) return
    const slot = slots.get(entry.slot)
    if (slot) slot.add(entry)
    else slots.set(entry.slot, new Set([entry]))
    if (entry.slot < armedSlot) arm(entry.slot)
  }

  function remove(entry: Entry): void {
    const slot = slots.get(entry.slot)
    if (!slot?.delete(entry) || slot.size > 0) return
    slots.delete(entry.slot)
    if (slots.size === 0) arm(Infinity)
  }

  function arm(slot: number): void {
    disarm?.()
    armedSlot = slot
    if (slot === Infinity) {
      disarm = undefined
      return
    }
    const ms = Math.ceil(slot - source.now())
    disarm = source.setTimer(Math.min(Math.max(ms, 0), LONGEST_TIMER_MS), turn)
  }

  function turn(): void {
    disarm = undefined
    armedSlot = Infinity
    const reached = source.now()
    const due = [...slots.keys()].filter((slot) => slot <= reached).sort((a, b) => a - b)
    try {
      for (const slot of due) expireAll(slot)
    } finally {
      if (slots.size > 0) armEarliest()
    }
  }

  function expireAll(slot: number): void {
    const entries = slots.get(slot)
    if (!entries) return
    // A copy: what is set for this very moment meanwhile waits for the next turn.
    for (const entry of [...entries]) {
      if (!entries.delete(entry)) continue
      if (entries.size === 0) slots.delete(slot)
      entry.slot = Number.NaN
      entry.expire()
    }
  }

  function armEarliest(): void {
    let earliest = Infinity
    for (const slot of slots.keys()) earliest = Math.min(earliest, slot)
    if (earliest < armedSlot) arm(earliest)
  }

  function deadline(ms: number, expire: () => void): Deadline {
    const entry = new Entry(wheel, ms, expire)
    add(entry)
    return entry
  }

  const wheel: Wheel = { slotIn, add, remove }
  return {
    now: source.now,
    epochNow: source.epochNow,
    deadline,
    sleep: (ms, signal) => sleepOn({ deadline }, ms, signal),
  }
}

/** `sleep` made of `deadline`, for clocks that have the latter. */
export function sleepOn(clock: Pick<Clock, 'deadline'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const abort = (): void => {
      wake[Symbol.dispose]()
      reject(signal?.reason)
    }
    const wake = clock.deadline(ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    signal?.addEventListener('abort', abort, { once: true })
  })
}
