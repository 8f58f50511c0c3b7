import type { ErrorAdvice } from '../index.js'

/** Why an operation failed, as the second half of an error text, and what to do about it. */
export interface ErrorDescription extends ErrorAdvice {
  readonly reason: string
}

/** The options that name the remote address. Both may be the same one, such as `url`. */
export interface AddressOptions {
  readonly host: string
  readonly port: string
}

const HOST_HINT = 'check that the host is correct and reachable'
const NAME_HINT = 'this name has no address: check its spelling, and the DNS of this machine'

const CONNECT_HINTS: ReadonlyMap<string, readonly [option: keyof AddressOptions, hint: string]> = new Map(
  Object.entries({
    ECONNREFUSED: ['port', 'check that the server is running and that the port is correct'],
    EAI_AGAIN: ['host', NAME_HINT],
    ENOTFOUND: ['host', NAME_HINT],
    EHOSTUNREACH: ['host', HOST_HINT],
    ENETUNREACH: ['host', HOST_HINT],
  }),
)

const LISTEN_HINTS: ReadonlyMap<string, readonly [option: keyof AddressOptions, hint: string]> = new Map(
  Object.entries({
    EADDRINUSE: ['port', 'another program listens there: choose another port'],
    EACCES: ['port', 'this user may not listen there: choose another port'],
    EADDRNOTAVAIL: ['host', 'this machine does not have that address: choose one of its own'],
  }),
)

/** The code of an error of the operating system. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

/**
 * What to check after a failed connection attempt. Empty for a cause without known advice.
 *
 * @param options the options of the factory that name the remote address
 * @example
 * ```ts
 * new TransportError('CONNECT_FAILED', message, { address, ...connectAdvice(cause, { host: 'url', port: 'url' }) })
 * ```
 */
export function connectAdvice(cause: unknown, options: AddressOptions): ErrorAdvice {
  const { errors } = cause as { readonly errors?: readonly unknown[] }
  const code = codeOf(cause)
  // Several addresses failed; the first is the one that the system prefers.
  if (errors?.[0] !== undefined && code === undefined) return connectAdvice(errors[0], options)
  return adviceFrom(CONNECT_HINTS, code, options)
}

/** Why a server on a host and port cannot listen. */
export function describeListenError(cause: Error): ErrorDescription {
  const options = { host: 'host', port: 'port' }
  return { reason: cause.message, ...adviceFrom(LISTEN_HINTS, codeOf(cause), options) }
}

function adviceFrom(hints: typeof CONNECT_HINTS, code: unknown, options: AddressOptions): ErrorAdvice {
  const found = typeof code === 'string' ? hints.get(code) : undefined
  return found ? { option: options[found[0]], hint: found[1] } : {}
}
