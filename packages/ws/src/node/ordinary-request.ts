import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'

/** Whether a request asks for a WebSocket. A server ignores other protocols, such as `h2c` (RFC 9110, section 7.8). */
export function isWebSocketUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** The decision of Node 24.9 and later. The types of earlier versions do not have it. */
interface UpgradeDecision {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
}

/**
 * Makes the server treat some upgrades as ordinary requests, where Node asks before it upgrades. The returned function
 * ends that. Earlier versions of Node emit `upgrade` for all of them: see `serveAsRequest`.
 */
export function keepRequests(
  server: HttpServer | HttpsServer,
  isOrdinary: (request: IncomingMessage) => boolean,
): () => void {
  const decision = server as UpgradeDecision
  const previous = decision.shouldUpgradeCallback
  if (previous === undefined) return () => {}
  let isActive = true
  // Other handlers may have replaced it in the meantime: then it remains, without effect.
  const shouldUpgrade = (request: IncomingMessage): boolean =>
    !(isActive && isOrdinary(request)) && previous.call(server, request)
  decision.shouldUpgradeCallback = shouldUpgrade
  return () => {
    isActive = false
    if (decision.shouldUpgradeCallback === shouldUpgrade) decision.shouldUpgradeCallback = previous
  }
}

/**
 * Serves an upgrade request as an ordinary one. Node emits `upgrade` for each request with the header `Upgrade`, once the
 * server has a listener for it, and has then stopped its parser. The request starts again without that header: its head
 * is written anew, in front of the bytes that follow it. The server then reads the socket as a new connection, so that
 * bodies, limits and further requests work as usual.
 */
export function serveAsRequest(
  server: HttpServer | HttpsServer,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  const { rawHeaders } = request
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = [rawHeaders[at], rawHeaders[at + 1]]
    const kept = name.toLowerCase() === 'connection' ? withoutUpgrade(value) : value
    if (name.toLowerCase() !== 'upgrade' && kept !== '') lines.push(`${name}: ${kept}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('setSecureContext' in server ? 'secureConnection' : 'connection', socket)
}

function withoutUpgrade(connection: string): string {
  const options = connection.split(',').map((option) => option.trim())
  return options.filter((option) => option.toLowerCase() !== 'upgrade').join(', ')
}
