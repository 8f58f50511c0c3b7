import { type Clock, isRequest, isResponse, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { cancelledBy, SmallIdMap } from '@mcpwire/core/authoring'

/** The requests of the peer that have no response yet. */
export interface PendingResponses {
  received(message: JsonRpcMessage): void
  sent(message: JsonRpcMessage): void
  /** Resolves when every request has a response or is cancelled, at the latest after `drainMs`. */
  settled(): Promise<void>
  /** Removes the requests without a response, and returns their ids with their methods. */
  takeAll(): (readonly [id: RequestId, method: string])[]
}

/** A subscription stays open until one side ends it (2026-07-28). */
const LISTEN_METHOD = 'subscriptions/listen'

/** Tracks requests until their response is sent. */
export function trackPendingResponses(drainMs: number, clock: Clock): PendingResponses {
  const pending = new SmallIdMap<string>()
  let onEmpty: (() => void) | undefined
  const remove = (id: RequestId): void => {
    pending.delete(id)
    if (pending.isEmpty) onEmpty?.()
  }
  return {
    received: (message) => {
      if (isRequest(message)) {
        if (message.method !== LISTEN_METHOD) pending.add(message.id, message.method)
      } else if (!pending.isEmpty) {
        // A cancelled request gets no response (MCP, Cancellation).
        const id = cancelledBy(message)
        if (id !== undefined) remove(id)
      }
    },
    sent: (message) => {
      if (!pending.isEmpty && isResponse(message) && message.id !== undefined) remove(message.id)
    },
    settled: () =>
      new Promise((resolve) => {
        if (pending.isEmpty || drainMs === 0) {
          resolve()
          return
        }
        const timeout = clock.deadline(drainMs, resolve)
        onEmpty = () => {
          timeout[Symbol.dispose]()
          resolve()
        }
      }),
    takeAll: () => {
      const requests = [...pending.entries()]
      pending.clear()
      return requests
    },
  }
}
