import { isTransportError } from '@mcpwire/core'
import { UsageError } from './program.js'

/** Turns `INVALID_OPTION` into an error about the flag. */
export function forFlag<T>(flag: string, create: () => T): T {
  try {
    return create()
  } catch (error) {
    if (!isTransportError(error, 'INVALID_OPTION')) throw error
    throw new UsageError(withFlag(flag, error))
  }
}

/** The text of an error about an option of a library, with the flag instead. */
export function withFlag(flag: string, { message }: Error): string {
  return message.replace(/^option "[^" ]*" /, `${flag} `).replace(', or see option "requirePrivateFile"', '')
}
