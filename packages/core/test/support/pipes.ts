import { settled } from '@mcpwire/test-support/fake-clock'
import {
  type JsonRpcMessage,
  type MessageParams,
  memoryPair,
  type PipeOptions,
  pipe,
  type Transport,
} from '../../src/index.js'
import { type ScriptedTransport, scriptedTransport } from './scripted-transport.js'

export function notification(method: string, params: MessageParams): JsonRpcMessage {
  return { jsonrpc: '2.0', method, params }
}

export const cancelled = (requestId: string | number): JsonRpcMessage =>
  notification('notifications/cancelled', { requestId })

export const response = (id: string | number, result = {}): JsonRpcMessage => ({ jsonrpc: '2.0', id, result })

export interface Piped {
  /** The transports of a client and a server, and the ends of the pipe between them. */
  client: Transport
  server: Transport
  a: Transport
  b: Transport
  piped: ReturnType<typeof pipe>
}

export function pipedPairs(options?: PipeOptions): Piped {
  const [client, a] = memoryPair()
  const [b, server] = memoryPair()
  return { client, server, a, b, piped: pipe(a, b, options) }
}

export async function scriptedPipe(
  options?: PipeOptions,
): Promise<{ a: ScriptedTransport; b: ScriptedTransport; piped: ReturnType<typeof pipe> }> {
  const [a, b] = [scriptedTransport(), scriptedTransport()]
  const piped = pipe(a, b, options)
  await settled()
  return { a, b, piped }
}

export function sentOn(transport: ScriptedTransport): JsonRpcMessage[] {
  return transport.sent.map(({ message }) => message)
}
