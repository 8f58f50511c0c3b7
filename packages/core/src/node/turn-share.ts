/** The longest time that one of several active connections takes in a row, in milliseconds. */
const MAX_BUSY_MS = 2
/** The most bytes of one of several active connections that are read in a row. */
const MAX_READ_BYTES = 262_144
/**
 * How many times as much a connection may take while no other one of this process receives anything. To give way for
 * nothing lets the peer wait, which costs more than the work itself: 5 % of the throughput of one TCP connection.
 */
const ALONE_FACTOR = 10

/** The connection that was active last. */
let latest: object | undefined

/** Records that a connection is active, so that others leave it its turn. */
export function takeTurn(connection: object): void {
  latest = connection
}

/** Removes a connection that has ended. */
export function leaveTurns(connection: object): void {
  if (latest === connection) latest = undefined
}

/**
 * The share of one connection in a turn of the event loop. Node reads up to 2 MiB of a socket at once: without a limit,
 * a flood of one caller delays all others by the time that it takes to handle them.
 *
 * Work of later turns is added up, too.
 */
export class TurnShare {
  readonly #connection: object
  #busyMs = 0
  #readBytes = 0
  #isAlone = true

  constructor(connection: object) {
    this.#connection = connection
  }

  /** Adds work. Returns whether the connection has used its share: it then gives way to the others. */
  spend(busyMs: number, readBytes: number): boolean {
    this.#busyMs += busyMs
    this.#readBytes += readBytes
    if (latest !== this.#connection) {
      latest = this.#connection
      this.#isAlone = false
    }
    const factor = this.#isAlone ? ALONE_FACTOR : 1
    if (this.#busyMs < MAX_BUSY_MS * factor && this.#readBytes < MAX_READ_BYTES * factor) return false
    this.#busyMs = 0
    this.#readBytes = 0
    this.#isAlone = true
    return true
  }
}
