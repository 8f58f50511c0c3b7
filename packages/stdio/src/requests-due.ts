import { type Clock, isRequest, isResponse, type JsonRpcMessage, type RequestId } from '@mcpwire/core'

/** The requests a server still owes an answer. */
export interface RequestsDue {
  received(message: JsonRpcMessage): void
  sent(message: JsonRpcMessage): void
  /** Resolves when every request was answered or cancelled, at the latest after `drainMs`. */
  answered(): Promise<void>
}

/** Keeps the requests of the other side until they are answered. Keeps nothing where `drainMs` is 0. */
export function requestsDue(drainMs: number, clock: Clock): RequestsDue {
  const due = new Set<RequestId>()
  let settled: (() => void) | undefined
  const settle = (id: RequestId): void => {
    due.delete(id)
    if (due.size === 0) settled?.()
  }
  return {
    received: (message) => {
      if (drainMs === 0) return
      if (isRequest(message)) due.add(message.id)
      else if (due.size > 0) {
        const id = cancelledBy(message)
        if (id !== undefined) settle(id)
      }
    },
    sent: (message) => {
      if (due.size > 0 && isResponse(message) && message.id !== undefined) settle(message.id)
    },
    answered: () =>
      new Promise((resolve) => {
        if (due.size === 0) {
          resolve()
          return
        }
        const late = clock.deadline(drainMs, resolve)
        settled = () => {
          late[Symbol.dispose]()
          resolve()
        }
      }),
  }
}

/** No answer is owed any more to a request that was cancelled (MCP, Cancellation). */
function cancelledBy(message: JsonRpcMessage): RequestId | undefined {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return undefined
  return message.params?.['requestId'] as RequestId | undefined
}
