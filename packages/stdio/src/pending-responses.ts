import { type Clock, isRequest, isResponse, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { cancelledBy } from '@mcpwire/core/authoring'

/** The requests of the peer that have no response yet. */
export interface PendingResponses {
  received(message: JsonRpcMessage): void
  sent(message: JsonRpcMessage): void
  /** Resolves when every request has a response or is cancelled, at the latest after `drainMs`. */
  settled(): Promise<void>
}

/** Tracks requests until their response is sent. Tracks nothing when `drainMs` is 0. */
export function trackPendingResponses(drainMs: number, clock: Clock): PendingResponses {
  const pending = new Set<RequestId>()
  let onEmpty: (() => void) | undefined
  const remove = (id: RequestId): void => {
    pending.delete(id)
    if (pending.size === 0) onEmpty?.()
  }
  return {
    received: (message) => {
      if (drainMs === 0) return
      if (isRequest(message)) pending.add(message.id)
      else if (pending.size > 0) {
        // A cancelled request gets no response (MCP, Cancellation).
        const id = cancelledBy(message)
        if (id !== undefined) remove(id)
      }
    },
    sent: (message) => {
      if (pending.size > 0 && isResponse(message) && message.id !== undefined) remove(message.id)
    },
    settled: () =>
      new Promise((resolve) => {
        if (pending.size === 0) {
          resolve()
          return
        }
        const timeout = clock.deadline(drainMs, resolve)
        onEmpty = () => {
          timeout[Symbol.dispose]()
          resolve()
        }
      }),
  }
}
