import { expect } from 'vitest'
import type { createTransport } from '../../src/authoring.js'
import type { TransportErrorCode } from '../../src/index.js'
import { numberOf } from './messages.js'

export const code = (expected: TransportErrorCode): unknown => expect.objectContaining({ code: expected })

/** The calls of `onerror` and `onclose`, in order. */
export function logged(transport: ReturnType<typeof createTransport>): string[] {
  const log: string[] = []
  transport.onmessage = (message) => log.push(`message ${numberOf(message)}`)
  transport.onerror = (error) => log.push(`error ${error.message}`)
  transport.onclose = () => log.push('close')
  return log
}
