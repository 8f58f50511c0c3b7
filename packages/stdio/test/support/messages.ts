import type { JsonRpcMessage, Transport } from '@mcpwire/core'

export function request(id: string | number, method: string, params = {}): JsonRpcMessage {
  return { jsonrpc: '2.0', id, method, params }
}

export function note(n: number, more = {}): JsonRpcMessage {
  return { jsonrpc: '2.0', method: 'note', params: { n, ...more } }
}

/** A record of the callbacks of a transport. */
export interface Received {
  readonly messages: JsonRpcMessage[]
  readonly errors: (Error & { code?: string })[]
  closes: number
}

export function record(transport: Transport): Received {
  const received: Received = { messages: [], errors: [], closes: 0 }
  transport.onmessage = (message) => void received.messages.push(message)
  transport.onerror = (error) => void received.errors.push(error)
  transport.onclose = () => void received.closes++
  return received
}

/** The outcome of each send: `sent`, or the code of the error. */
export async function outcomesOf(sends: readonly Promise<void>[]): Promise<string[]> {
  const outcomes = await Promise.allSettled(sends)
  return outcomes.map((each) => (each.status === 'fulfilled' ? 'sent' : String(each.reason.code)))
}
