import type { BudgetAccount, BudgetHolder, ByteBudget } from '../contract/byte-budget.js'
import type { Clock } from '../contract/clock.js'
import { TransportError } from '../contract/errors.js'
import { clock, integer } from '../contract/option-rules.js'
import { defaultsOf, type OptionDefaults, options } from '../contract/option-table.js'
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
 * holder with the most bytes for the longest time without progress. All others go on.
 *
 * @param report called with `OVERLOADED` when holders had to release bytes: at most once a second, with their number
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const budget = createByteBudget({ maxTotalBytes: 67_108_864 }, console.error)
 * const listeners = [tcpServer({ port: 7000, budget }), wsServer({ port: 7001, budget })]
 * ```
 */
export function createByteBudget(
  given: ByteBudgetOptions = {},
  report: (error: TransportError<'OVERLOADED'>) => void = ignore,
): ByteBudget {
  return new Budget(table.read(given), report)
}

class Budget implements ByteBudget {
  heldBytes = 0
  readonly maxTotalBytes: number
  readonly clock: Clock
  /** The accounts that hold bytes. */
  readonly holding = new Set<Account>()
  readonly #burst: Burst
  #isShedding = false

  constructor(
    { maxTotalBytes, clock }: Required<{ [K in keyof ByteBudgetOptions]: NonNullable<ByteBudgetOptions[K]> }>,
    report: (error: TransportError<'OVERLOADED'>) => void,
  ) {
    this.maxTotalBytes = maxTotalBytes
    this.clock = clock
    this.#burst = new Burst(clock, (count) => guarded(() => report(exceeded(this, count)), ignore))
  }

  open(holder: BudgetHolder): BudgetAccount {
    return new Account(this, holder)
  }

  /** Makes holders release bytes until the rest is within the limit. A holder that is ended may hold bytes meanwhile. */
  shed(): void {
    if (this.#isShedding) return
    this.#isShedding = true
    try {
      while (this.heldBytes > this.maxTotalBytes) {
        const account = this.#next()
        if (!account) return
        if (!account.holder.isCache) this.#burst.add()
        const before = account.heldBytes
        const excess = this.heldBytes - this.maxTotalBytes
        guarded(() => account.holder.shed(exceeded(this), excess), ignore)
        // Counted as released, even if the holder failed: the loop must end.
        if (account.heldBytes >= before) account.close()
      }
    } finally {
      this.#isShedding = false
    }
  }

  #next(): Account | undefined {
    const now = this.clock.now()
    let found: Account | undefined
    let highest = -1
    for (const account of this.holding) {
      const weight = account.holder.isCache ? Infinity : account.heldBytes * (now - account.since + 1)
      if (weight <= highest) continue
      found = account
      highest = weight
    }
    return found
  }
}

class Account implements BudgetAccount {
  heldBytes = 0
  /** When it last released bytes, or began to hold some. */
  since = 0
  readonly holder: BudgetHolder
  readonly #budget: Budget
  #isClosed = false

  constructor(budget: Budget, holder: BudgetHolder) {
    this.#budget = budget
    this.holder = holder
  }

  hold(bytes: number): void {
    const before = this.heldBytes
    if (bytes === before || this.#isClosed) return
    const budget = this.#budget
    this.heldBytes = bytes
    budget.heldBytes += bytes - before
    if (before === 0) budget.holding.add(this)
    else if (bytes === 0) budget.holding.delete(this)
    if (bytes > before) {
      if (before === 0) this.since = budget.clock.now()
      if (budget.heldBytes > budget.maxTotalBytes) budget.shed()
    } else if (bytes > 0) this.since = budget.clock.now()
  }

  close(): void {
    this.hold(0)
    this.#isClosed = true
  }
}

function exceeded({ heldBytes, maxTotalBytes }: ByteBudget, count = 0): TransportError<'OVERLOADED'> {
  const who = count === 0 ? '' : `: ${count === 1 ? '1 connection was' : `${count} connections were`} ended`
  const message = `all connections together hold more than maxTotalBytes (${maxTotalBytes})${who}`
  return new TransportError('OVERLOADED', message, {
    queuedBytes: heldBytes,
    maxQueuedBytes: maxTotalBytes,
    option: 'maxTotalBytes',
  })
}
