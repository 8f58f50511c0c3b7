/** A callback at a moment in the future. Dispose it to cancel the callback. */
export interface Deadline extends Disposable {
  /** Moves the moment to `ms` from now. Has no effect after the callback or the disposal. */
  reset(ms: number): void
}

/** The source of time. All packages read time through a clock, so that tests can supply their own. */
export interface Clock {
  /** Milliseconds since a fixed moment. Never decreases. */
  now(): number
  /** Milliseconds since the epoch, for absolute times such as an expiry. */
  epochNow(): number
  /** Resolves after `ms`. Rejects with `signal.reason` when the signal aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `expire` once, `ms` from now. `Infinity` never expires. */
  deadline(ms: number, expire: () => void): Deadline
}

/** The narrowest slot. A deadline expires at the end of its slot, never before its moment. */
const RESOLUTION_MS = 5
/** A slot is at most 1/128 of the wait. A few hundred slots then hold any number of deadlines. */
const SLOTS_PER_WAIT = 128
/** The longest delay of a platform timer. */
const LONGEST_TIMER_MS = 2_147_483_647

/**
 * The system clock. One platform timer serves all deadlines. A deadline is at most 5 ms late, or 1/128 of a long wait.
 */
export const systemClock: Clock = createWheelClock({
  now: () => performance.now(),
  epochNow: () => Date.now(),
  setTimer: (ms, fire) => pausable(setTimeout(fire, ms)),
})

/** The system clock with a timer that does not keep the process alive. */
export const backgroundClock: Clock = createWheelClock({
  now: () => performance.now(),
  epochNow: () => Date.now(),
  setTimer(ms, fire) {
    const timer: unknown = setTimeout(fire, ms)
    // A timer of a browser is a number.
    ;(timer as { unref?(): void }).unref?.()
    return () => clearTimeout(timer as number)
  },
})

/** A random number from 0 up to, but not including, 1. Not for secrets. */
export const systemRandom: () => number = () => Math.random()

/**
 * Cancels a timer. Where the platform has `unref` and `ref`, a timer that no deadline waits for stays set without keeping
 * the process alive. It saves setting a timer for each of a row of short waits.
 */
export interface CancelTimer {
  (): void
  readonly unref?: (() => void) | undefined
  readonly ref?: (() => void) | undefined
}

/** The time and the timers under a wheel clock. */
export interface TimeSource {
  now(): number
  epochNow(): number
  /** Calls `fire` once after `ms`. The returned function cancels that. */
  setTimer(ms: number, fire: () => void): CancelTimer
}

function pausable(timer: unknown): CancelTimer {
  const cancel: CancelTimer = () => clearTimeout(timer as number)
  // A timer of a browser is a number.
  if (typeof timer !== 'object') return cancel
  const { ref, unref } = timer as { ref(): void; unref(): void }
  return Object.assign(cancel, { ref: ref.bind(timer), unref: unref.bind(timer) })
}

/** The width of a slot: 5 ms, doubled up to 1/128 of the wait. */
function widthFor(ms: number): number {
  const doublings = Math.floor(Math.log2(ms / (RESOLUTION_MS * SLOTS_PER_WAIT)))
  return doublings > 0 && ms !== Infinity ? RESOLUTION_MS * 2 ** doublings : RESOLUTION_MS
}

interface Link {
  previous: Link | undefined
  next: Link | undefined
}

/**
 * The deadlines of one slot, linked in a ring. A `Set` would be slower: V8 chains its tables, so that each deadline in a
 * long-lived `Set` moves to the old generation of the heap, with all that it refers to.
 */
class Slot implements Link {
  readonly end: number
  previous: Link = this
  next: Link = this

  constructor(end: number) {
    this.end = end
  }

  get isEmpty(): boolean {
    return this.next === this
  }

  append(link: Link): void {
    link.previous = this.previous
    link.next = this
    this.previous.next = link
    this.previous = link
  }

  entries(): Link[] {
    const entries: Link[] = []
    for (let link = this.next; link !== this; link = link.next as Link) entries.push(link)
    return entries
  }
}

function unlink(link: Link): void {
  const { previous, next } = link
  if (!previous || !next) return
  previous.next = next
  next.previous = previous
  // A removed link must not keep its neighbors.
  link.previous = undefined
  link.next = undefined
}

/**
 * Makes a clock that serves any number of deadlines with one timer of its source.
 *
 * @example
 * ```ts
 * const clock = createWheelClock({
 *   now: () => performance.now(),
 *   epochNow: () => Date.now(),
 *   setTimer(ms, fire) {
 *     const timer = setTimeout(fire, ms)
 *     return () => clearTimeout(timer)
 *   },
 * })
 * ```
 */
/* @__NO_SIDE_EFFECTS__ */
export function createWheelClock(source: TimeSource): Clock {
  const slots = new Map<number, Slot>()
  let armedSlot = Infinity
  let disarm: CancelTimer | undefined
  /** Whether the timer stays set although no deadline waits for it. */
  let isIdle = false
  let count = 0
  /** The slot of the latest deadline. */
  let latest: Slot | undefined
  let lastMs = 0
  let lastWidth = RESOLUTION_MS

  // A class, because each connection has one: an object with its own functions needs four times the memory.
  class Entry implements Deadline, Link {
    /** The end of its slot; `NaN` after that. */
    slot: number
    readonly expire: () => void
    previous: Link | undefined
    next: Link | undefined

    constructor(ms: number, expire: () => void) {
      this.slot = slotIn(ms)
      this.expire = expire
      this.previous = undefined
      this.next = undefined
    }

    reset(ms: number): void {
      if (Number.isNaN(this.slot)) return
      const slot = slotIn(ms)
      remove(this)
      this.slot = slot
      add(this)
    }

    [Symbol.dispose](): void {
      remove(this)
      this.slot = Number.NaN
    }
  }

  function slotIn(ms: number): number {
    // A slot that is NaN would prevent all others from being the earliest.
    if (Number.isNaN(ms)) throw new RangeError('a deadline must be a number of milliseconds')
    if (ms !== lastMs) {
      lastMs = ms
      lastWidth = widthFor(ms)
    }
    const width = lastWidth
    return Math.ceil((source.now() + Math.max(ms, 0)) / width) * width
  }

  function add(entry: Entry): void {
    const { slot: end } = entry
    if (end === Infinity) return
    if (latest?.end !== end) latest = slotAt(end)
    latest.append(entry)
    count++
    if (isIdle) {
      isIdle = false
      disarm?.ref?.()
    }
    if (end < armedSlot) arm(end)
  }

  function slotAt(end: number): Slot {
    let slot = slots.get(end)
    if (!slot) {
      slot = new Slot(end)
      slots.set(end, slot)
    }
    return slot
  }

  /** Leaves an empty slot to the next tick: a client with one request at a time needs it again. */
  function remove(entry: Entry): void {
    if (!entry.previous) return
    unlink(entry)
    if (--count > 0) return
    isIdle = disarm?.unref !== undefined
    if (isIdle) disarm?.unref?.()
    else clear()
  }

  function clear(): void {
    slots.clear()
    latest = undefined
    arm(Infinity)
  }

  function arm(slot: number): void {
    disarm?.()
    armedSlot = slot
    const ms = Math.ceil(slot - source.now())
    disarm =
      slot === Infinity ? undefined : source.setTimer(Math.min(Math.max(ms, 0), LONGEST_TIMER_MS), tick)
  }

  function tick(): void {
    disarm = undefined
    isIdle = false
    armedSlot = Infinity
    latest = undefined
    const reached = source.now()
    const due = [...slots.values()].filter(({ end }) => end <= reached).sort((a, b) => a.end - b.end)
    try {
      for (const slot of due) expireAll(slot)
    } finally {
      let earliest = Infinity
      for (const slot of slots.values()) {
        if (slot.isEmpty) slots.delete(slot.end)
        else if (slot.end < earliest) earliest = slot.end
      }
      latest = undefined
      if (earliest < armedSlot) arm(earliest)
    }
  }

  function expireAll(slot: Slot): void {
    // Deadlines added for this slot in the meantime expire in the next tick.
    for (const entry of slot.entries() as Entry[]) {
      // Disposed or moved meanwhile.
      if (entry.slot !== slot.end) continue
      entry[Symbol.dispose]()
      entry.expire()
    }
  }

  function deadline(ms: number, expire: () => void): Deadline {
    const entry = new Entry(ms, expire)
    add(entry)
    return entry
  }

  return {
    now: source.now,
    epochNow: source.epochNow,
    deadline,
    sleep: (ms, signal) => sleepOn({ deadline }, ms, signal),
  }
}

/** Implements `sleep` with the `deadline` of a clock. */
export function sleepOn(clock: Pick<Clock, 'deadline'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
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
