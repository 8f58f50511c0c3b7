import type { BudgetAccount, BudgetHolder, ByteBudget } from '../contract/byte-budget.js'
import type { Clock } from '../contract/clock.js'
import { TransportError } from '../contract/errors.js'
import { clock, integer } from '../contract/option-rules.js'
import { defaultsOf, type OptionDefaults, type OptionSettings, options } from '../contract/option-table.js'
import { Burst } from '../timing/burst.js'
import { guarded, ignore } from '../timing/promises.js'

/** Options of a byte budget. */
export interface ByteBudgetOptions {
  /**
   * Most bytes that all holders may hold together.
   * @defaultValue 268_435_456
   */
  maxTotalBytes?: number | undefined
  /**
   * The source of time.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

const table = options<ByteBudgetOptions>({
  maxTotalBytes: integer(1_024, Infinity, 268_435_456),
  clock: clock(),
})

/** The defaults of `createByteBudget`. */
export const byteBudgetDefaults: OptionDefaults<ByteBudgetOptions> = /* @__PURE__ */ defaultsOf(table)

/**
 * Makes a budget for the bytes of many holders. Over its limit it makes holders release bytes: caches first, then the
 * holder with the most bytes for the longest time without progress. All others go on. A holder with fewer bytes than a
 * quarter of the average is never chosen, however old its bytes are.
 *
 * @param report called with `OVERLOADED` when holders were ended: with the first at once, then at most once a second
 *   with their number
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const budget = createByteBudget({ maxTotalBytes: 67_108_864 }, console.error)
 * const listeners = [
 *   tcpServer({ port: 7000, maxTotalBytes: budget }),
 *   wsServer({ port: 7001, maxTotalBytes: budget }),
 * ]
 * ```
 */
export function createByteBudget(
  given: ByteBudgetOptions = {},
  report: (error: TransportError<'OVERLOADED'>) => void = ignore,
): ByteBudget {
  return new Budget(table.read(given), report)
}

/** The budget of a listener: its own, or one that the application shares between listeners. */
export interface ListenerBudget {
  readonly budget: ByteBudget
  /** Ends the reports of an own budget. */
  readonly stop: () => void
}

/** Makes the budget for option `maxTotalBytes`. */
export function listenerBudget(
  maxTotalBytes: number | ByteBudget,
  clock: Clock,
  report: (error: TransportError<'OVERLOADED'>) => void,
): ListenerBudget {
  if (typeof maxTotalBytes !== 'number') return { budget: maxTotalBytes, stop: ignore }
  const budget = new Budget({ maxTotalBytes, clock }, report)
  return { budget, stop: () => budget.stop() }
}

class Budget implements ByteBudget {
  heldBytes = 0
  readonly maxTotalBytes: number
  readonly clock: Clock
  /** The accounts that hold bytes. */
  readonly holding: Set<Account> = new Set()
  readonly #burst: Burst
  #isShedding = false
  /** The number of times that the limit was exceeded. */
  #round = 0

  constructor(
    { maxTotalBytes, clock }: OptionSettings<ByteBudgetOptions>,
    report: (error: TransportError<'OVERLOADED'>) => void,
  ) {
    this.maxTotalBytes = maxTotalBytes
    this.clock = clock
    this.#burst = new Burst(clock, (count) => report(exceeded(this, endedWithError(count))))
  }

  open(holder: BudgetHolder): BudgetAccount {
    return new Account(this, holder)
  }

  /** Reports the holders that are not reported yet, and releases the timer. */
  stop(): void {
    this.#burst.stop()
  }

  /**
   * Makes holders release bytes until the rest is within the limit. Each is asked once: the rest of a holder that was
   * ended may be released later.
   */
  shed(): void {
    if (this.#isShedding) return
    this.#isShedding = true
    this.#round++
    try {
      while (this.heldBytes > this.maxTotalBytes) {
        const account = this.#next()
        if (!account) return
        this.#release(account)
      }
    } finally {
      this.#isShedding = false
    }
  }

  #release(account: Account): void {
    const { holder, heldBytes } = account
    const excessBytes = this.heldBytes - this.maxTotalBytes
    account.askedIn = this.#round
    guarded(() => holder.shed(exceeded(this, 'byte limit exceeded'), excessBytes), ignore)
    if (holder.isCache) return
    // Counted as released, even if the holder failed: otherwise all others would end for it. It is counted again when it
    // goes on to hold bytes.
    if (account.heldBytes >= heldBytes) account.hold(0)
    this.#burst.add()
  }

  /** The holder to ask next, of those that were not asked in this round. */
  #next(): Account | undefined {
    let cache: Account | undefined
    let bytes = 0
    let holders = 0
    for (const account of this.holding) {
      if (account.askedIn === this.#round) continue
      if (account.holder.isCache) {
        if (!cache || account.heldBytes > cache.heldBytes) cache = account
      } else {
        bytes += account.heldBytes
        holders++
      }
    }
    return cache ?? this.#heaviest((bytes / holders) * MIN_SHARE)
  }

  /**
   * The holder with the highest product of bytes and time, of those with at least `minBytes`. Without this limit, all
   * small holders that wait for long would end before one large one.
   */
  #heaviest(minBytes: number): Account | undefined {
    const now = this.clock.now()
    let found: Account | undefined
    let highest = -1
    for (const account of this.holding) {
      const { heldBytes, since } = account
      const weight = heldBytes * (now - since + 1)
      if (account.askedIn === this.#round || heldBytes < minBytes || weight <= highest) continue
      found = account
      highest = weight
    }
    return found
  }
}

/**
 * The part of the average below which a holder is never chosen. With the whole average, one large message in transit would
 * be the only choice beside many equal holders that have waited for seconds.
 */
const MIN_SHARE = 1 / 4

/** Limits the effect of an invalid number: sums of many accounts stay exact. */
const MAX_HELD_BYTES = 2 ** 48

class Account implements BudgetAccount {
  heldBytes = 0
  /** When it began to hold bytes. Each release moves it towards the present, by the part of the bytes released. */
  since = 0
  /** The last round of its budget in which it was asked to release bytes. */
  askedIn = 0
  readonly holder: BudgetHolder
  readonly #budget: Budget
  #isClosed = false

  constructor(budget: Budget, holder: BudgetHolder) {
    this.#budget = budget
    this.holder = holder
  }

  hold(given: number): void {
    const before = this.heldBytes
    // An invalid number would make the total invalid for good.
    const bytes = given > 0 ? Math.min(given, MAX_HELD_BYTES) : 0
    if (bytes === before || this.#isClosed) return
    const budget = this.#budget
    this.heldBytes = bytes
    budget.heldBytes += bytes - before
    if (before === 0) {
      budget.holding.add(this)
      this.since = budget.clock.now()
    } else if (bytes === 0) {
      budget.holding.delete(this)
    } else if (bytes < before) {
      const now = budget.clock.now()
      // A peer that reads single bytes makes no progress.
      this.since = now - (now - this.since) * (bytes / before)
    }
    if (bytes > before && budget.heldBytes > budget.maxTotalBytes) budget.shed()
  }

  close(): void {
    this.hold(0)
    this.#isClosed = true
  }
}

/** A holder is a connection, or a request such as one that an HTTP server refuses. */
function endedWithError(count: number): string {
  const holders = count === 1 ? '1 connection or request' : `${count} connections or requests`
  return `${holders} ended with an error`
}

/** The error of a holder that was ended, and the report of several. */
function exceeded({ heldBytes, maxTotalBytes }: ByteBudget, failure: string): TransportError<'OVERLOADED'> {
  const message = `${failure}: all connections together hold more than maxTotalBytes (${maxTotalBytes})`
  return new TransportError('OVERLOADED', message, {
    queuedBytes: heldBytes,
    maxQueuedBytes: maxTotalBytes,
    option: 'maxTotalBytes',
  })
}
