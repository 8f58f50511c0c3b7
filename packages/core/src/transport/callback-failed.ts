import { TransportError, toError } from '../contract/errors.js'

/** The error for a callback of somebody's that threw or rejected. `what` says in words which one it was. */
export function callbackFailed(slot: string, cause: unknown, what: string = slot): TransportError {
  const message = `${what} failed: ${toError(cause).message}`
  return new TransportError('CALLBACK_FAILED', message, { slot }, { cause })
}
