/** The longest time that one connection takes in a row, in milliseconds. */
const MAX_BUSY_MS = 2
/** The most bytes of one connection that are read in a row. */
const MAX_READ_BYTES = 262_144

/**
 * The share of one connection in a turn of the event loop. Node reads up to 2 MiB of a socket at once: without a limit,
 * a flood of one caller delays all others by the time that it takes to handle them.
 *
 * Work of later turns is added up, too. A connection that gives way once more than necessary loses some microseconds.
 */
export class TurnShare {
  #busyMs = 0
  #readBytes = 0

  /** Adds work. Returns whether the connection has used its share: it then gives way to the others. */
  spend(busyMs: number, readBytes: number): boolean {
    this.#busyMs += busyMs
    this.#readBytes += readBytes
    if (this.#busyMs < MAX_BUSY_MS && this.#readBytes < MAX_READ_BYTES) return false
    this.#busyMs = 0
    this.#readBytes = 0
    return true
  }
}
