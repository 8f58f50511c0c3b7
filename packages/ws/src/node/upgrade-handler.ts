import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { type Listener, localOnly, TransportError } from '@mcpwire/core'
import { createListener, invalidOption, options, rule } from '@mcpwire/core/authoring'
import { deflateSettings } from '../ws-options.js'
import { sendText } from './http-refusal.js'
import { isWebSocketUpgrade, keepRequests, serveAsRequest } from './ordinary-request.js'
import { createUpgrader, ignore, pathOf, wsAddress } from './upgrade.js'
import { type OptionalUpgradeOptions, upgradeOptions, type WsUpgradeOptions } from './upgrade-options.js'

/** Options of a listener on an existing HTTP server. */
export interface UpgradeHandlerOptions extends WsUpgradeOptions {
  /** HTTP or HTTPS server whose port to share. It stays open when the listener closes. It also limits its headers. */
  server: HttpServer | HttpsServer
}

const table = options<UpgradeHandlerOptions, OptionalUpgradeOptions>({
  ...upgradeOptions.rules,
  server: rule((option, value) => {
    // An Express application has `on` too, but no `address`.
    if (typeof (value as HttpServer | undefined)?.address !== 'function')
      invalidOption(option, value, 'a server of node:http or node:https, such as app.listen() returns')
  }),
})

/**
 * A listener for WebSockets at one path of an HTTP server that already listens.
 *
 * Without a gate it admits callers on this host only, at whatever address the server is bound. Upgrades of other paths
 * go to the other `upgrade` listeners of the server, and get status 404 without one. An upgrade to another protocol, such
 * as `h2c`, is an ordinary request of the server. `start()` rejects with `LISTEN_FAILED` if the server does not listen.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const server = createServer(app).listen(8080, '127.0.0.1')
 * await once(server, 'listening')
 * const listener = await serve(upgradeHandler({ server, path: '/mcp' }), accept)
 * ```
 */
export function upgradeHandler(given: UpgradeHandlerOptions): Listener {
  const settings = table.read(given)
  const { server, path } = settings
  const gate = settings.gate ?? localOnly()
  return createListener(
    {
      bindsBeyondThisHost: false,
      listen: async (sink) => {
        let isClosing = false
        const address = addressOf(server, path)
        const deflate = deflateSettings(settings.deflate)
        const unixAddress = typeof server.address() === 'string' ? address : undefined
        const upgrade = createUpgrader({ ...settings, deflate, unixAddress, isGoingAway: () => isClosing })
        const onupgrade: UpgradeListener = (request, socket, head) => {
          // For every path: Node has removed its own error listener, and the other listeners may add theirs later.
          socket.off('error', ignore).on('error', ignore)
          const requested = pathOf(request)
          const isOwn = requested === path
          if (isOrdinary(request)) serveAsRequest(server, request, socket, head)
          else if (!isWebSocketUpgrade(request)) return
          else if (isOwn) upgrade(request, socket, head, sink)
          else if (isUnhandled(requested, server, onupgrade)) sendText(socket, 404, 'not found')
        }
        const isOrdinary = (request: IncomingMessage): boolean => {
          const requested = pathOf(request)
          return (
            !isWebSocketUpgrade(request) && (requested === path || isUnhandled(requested, server, onupgrade))
          )
        }
        onupgrade[PATH] = path
        server.on('upgrade', onupgrade)
        const endKeeping = keepRequests(server, isOrdinary)
        return {
          address,
          close: async () => {
            isClosing = true
            endKeeping()
            server.off('upgrade', onupgrade)
          },
        }
      },
    },
    { ...settings, gate },
  )
}

/** Marks an `upgrade` listener with its path, across copies of this package. */
const PATH: unique symbol = Symbol.for('@mcpwire/ws/upgrade-path') as never

interface UpgradeListener {
  (request: IncomingMessage, socket: Socket, head: Buffer): void
  [PATH]?: string
}

/** Whether this listener answers for a path that no listener takes: the first one does, if all listeners are ours. */
function isUnhandled(path: string, server: HttpServer | HttpsServer, listener: UpgradeListener): boolean {
  const all: readonly UpgradeListener[] = server.listeners('upgrade') as UpgradeListener[]
  return all[0] === listener && all.every((each) => each[PATH] !== undefined && each[PATH] !== path)
}

function addressOf(server: HttpServer | HttpsServer, path: string): string {
  const isSecure = 'setSecureContext' in server
  const bound = server.address()
  if (bound === null) {
    const address = `${isSecure ? 'wss' : 'ws'}:${path}`
    const message = `cannot listen on ${address}: option "server" does not listen yet`
    const details = { address, option: 'server', hint: 'call server.listen() first' }
    throw new TransportError('LISTEN_FAILED', message, details)
  }
  if (typeof bound === 'string') return `${isSecure ? 'wss' : 'ws'}+unix:${bound}:${path}`
  return wsAddress({ host: bound.address, port: bound.port, path }, isSecure)
}
