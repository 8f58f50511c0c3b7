import type { Handshake, Refusal } from '@mcpwire/core'

/** The header of a caller, by its lower-case name. Not a member that every object inherits, such as `constructor`. */
export function headerOf({ headers }: Handshake, name: string): string | undefined {
  const value: unknown = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof value === 'string' ? value : undefined
}

/** A refusal. Its reason crosses the wire. */
export function refusal(status: Refusal['status'], reason: string, challenge?: string): Refusal {
  return { admit: false, status, reason, ...(challenge !== undefined && { challenge }) }
}
