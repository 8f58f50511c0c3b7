import type { TransportError } from './errors.js'

/**
 * A limit on the bytes that a listener holds for all its callers together: unfinished input, queued output and waiting
 * messages. Several listeners and pipes can share one.
 */
export interface ByteBudget {
  /** The limit, in bytes. */
  readonly maxTotalBytes: number
  /** The bytes that all accounts hold now. */
  readonly heldBytes: number
  /** Opens an account. It costs nothing while it holds no bytes. */
  open(holder: BudgetHolder): BudgetAccount
}

/** The owner of the bytes of one account, such as the input of one connection. */
export interface BudgetHolder {
  /** Whether its bytes are a cache, such as stored events. Caches are released before anything else. */
  readonly isCache?: boolean | undefined
  /**
   * Releases bytes, because the budget is exceeded by `excessBytes`. A cache may release that many. Any other holder ends
   * what it holds with `error`, and calls `hold` with the rest, or `close`, before it returns.
   */
  shed(error: TransportError<'OVERLOADED'>, excessBytes: number): void
}

/** The bytes of one holder. */
export interface BudgetAccount {
  readonly heldBytes: number
  /**
   * Sets the number of bytes that are held. Over the limit of the budget, `shed` of holders is called before this
   * returns: first caches, then the holder with the most bytes without progress. That may be this one.
   */
  hold(bytes: number): void
  /** Releases all bytes. Idempotent. */
  close(): void
}
