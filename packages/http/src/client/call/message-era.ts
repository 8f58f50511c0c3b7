import type { JsonRpcMessage } from '@mcpwire/core'
import { VERSION_KEY } from '../../headers/standard-headers.js'
import { isModernRevision } from './request-headers.js'

/** The first requests of a client in either era. Servers respond to them quickly. */
const OPENING_METHODS: readonly string[] = ['initialize', 'server/discover']

/** Whether it is the first request of a client. */
export function isOpeningMessage(message: JsonRpcMessage): boolean {
  return 'method' in message && OPENING_METHODS.includes(message.method)
}

/** Whether its revision is named in each request, and has no streams that can be resumed. */
export function isModernMessage(message: JsonRpcMessage, protocolVersion: string | undefined): boolean {
  if (!('method' in message)) return false
  const named = message.params?._meta?.[VERSION_KEY]
  return isModernRevision(typeof named === 'string' ? named : protocolVersion)
}
