import type { TransportLike } from '@mcpwire/core'
import { requestOf } from './messages.js'

const IN_FLIGHT = 64

/** Sends that many requests, a few at a time. Resolves when each has a response. */
export function exchangeRequests(wire: TransportLike, requests: number): Promise<void> {
  let sent = 0
  let answered = 0
  return new Promise((resolve, reject) => {
    const sendNext = (): void => void wire.send(requestOf(sent++)).catch(reject)
    wire.onerror = reject
    wire.onmessage = () => {
      answered++
      if (sent < requests) sendNext()
      else if (answered === requests) resolve()
    }
    while (sent < Math.min(IN_FLIGHT, requests)) sendNext()
  })
}
