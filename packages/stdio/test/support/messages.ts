import type { JsonRpcMessage, Transport } from '@mcpwire/core'

export function request(id: string | number, method: string, params = {}): JsonRpcMessage {
  return { jsonrpc: '2.0', id, method, params }
}

export function note(n: number, more = {}): JsonRpcMessage {
  return { jsonrpc: '2.0', method: 'note', params: { n, ...more } }
}

/** A transport's slots, written down. */
export interface Heard {
  readonly messages: JsonRpcMessage[]
  readonly errors: (Error & { code?: string })[]
  closes: number
}

export function hearing(transport: Transport): Heard {
  const heard: Heard = { messages: [], errors: [], closes: 0 }
  transport.onmessage = (message) => void heard.messages.push(message)
  transport.onerror = (error) => void heard.errors.push(error)
  transport.onclose = () => void heard.closes++
  return heard
}

/** How each of these settled: `sent`, or the code of the error. */
export async function outcomesOf(sends: readonly Promise<void>[]): Promise<string[]> {
  const outcomes = await Promise.allSettled(sends)
  return outcomes.map((each) => (each.status === 'fulfilled' ? 'sent' : String(each.reason.code)))
}
