import type { WebSocket } from 'ws'

/**
 * Answers pings, one at a time: while an answer has not left, only the latest ping is remembered (RFC 6455, section
 * 5.5.3). A flood of pings from a peer that reads nothing thus holds one answer, not one each.
 */
export function answerPings(ws: WebSocket): void {
  let isAnswering = false
  let latest: Buffer | undefined

  function answered(): void {
    isAnswering = false
    const next = latest
    latest = undefined
    if (next) answer(next)
  }

  function answer(payload: Buffer): void {
    if (ws.readyState !== ws.OPEN) return
    if (isAnswering) {
      // A copy: the payload is a view into what the socket read.
      latest = Buffer.from(payload)
      return
    }
    isAnswering = true
    ws.pong(payload, undefined, answered)
  }

  ws.on('ping', answer)
}
