import { isTransportError, TransportError } from '@mcpwire/core'

const MOST_IN_A_ROW = 10

/** Counts what a peer sends that is no message: ten in a row end its session (clause C10). */
export class MalformedCount {
  #inARow = 0

  /** A message came. */
  reset(): void {
    this.#inARow = 0
  }

  /** The error that ends the session, once this one was one too many. */
  add(error: Error, address: string): Error | undefined {
    if (!isTransportError(error, 'MALFORMED_MESSAGE')) return undefined
    this.#inARow++
    if (this.#inARow < MOST_IN_A_ROW) return undefined
    const message = `${this.#inARow} malformed messages in a row from ${address}`
    return new TransportError('MALFORMED_MESSAGE', message, error.details)
  }
}
