import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { type Listener, localOnly, TransportError } from '@mcpwire/core'
import {
  createListener,
  invalidOption,
  type KnownOptions,
  requireKnownOptions,
  resolveOptions,
} from '@mcpwire/core/authoring'
import { deflateOf } from '../deflate.js'
import { answerPlainly } from './http-refusal.js'
import { createUpgrader, ignore, pathOf, wsAddress } from './upgrade.js'
import {
  knownUpgradeOptions,
  requireUpgradeOptions,
  type WsUpgradeOptions,
  wsUpgradeDefaults,
} from './upgrade-options.js'

/** Options of a listener on somebody else's HTTP server. */
export interface UpgradeHandlerOptions extends WsUpgradeOptions {
  /** The HTTP or HTTPS server whose port to share. It stays its owner's, who also bounds its headers. */
  server: HttpServer | HttpsServer
}

const known: KnownOptions<UpgradeHandlerOptions> = { ...knownUpgradeOptions, server: 1 }

/**
 * A listener for WebSockets at one path of an HTTP server that is there already and listens. Without a gate it admits
 * callers on this host only, wherever the server binds. Upgrades of other paths are left to whoever else listens for
 * `upgrade`, and answered with 404 where nobody does. Closing it leaves the server alone.
 *
 * `start()` rejects with `LISTEN_FAILED` while the server does not listen.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function upgradeHandler(options: UpgradeHandlerOptions): Listener {
  requireKnownOptions(options, known)
  const settings = resolveOptions(wsUpgradeDefaults, options)
  requireUpgradeOptions(settings)
  const { server, path } = settings
  // Applications of Express and the like have `on` as well, but no address.
  if (typeof server?.address !== 'function')
    invalidOption('server', server, 'a server of node:http or node:https, such as app.listen() returns')
  const gate = settings.gate ?? localOnly()
  return createListener(
    {
      bindsBeyondThisHost: false,
      listen: async (door) => {
        let isClosing = false
        const address = addressOf(server, path)
        const deflate = deflateOf(settings.deflate)
        const unixAddress = typeof server.address() === 'string' ? address : undefined
        const usher = createUpgrader({ ...settings, deflate, unixAddress, isGoingAway: () => isClosing })
        const onupgrade: UpgradeListener = (request, socket, head) => {
          // For every path: Node took its own listener off, and whoever takes the others may be late with theirs.
          socket.off('error', ignore).on('error', ignore)
          const asked = pathOf(request)
          if (asked === path) usher(request, socket, head, door)
          else if (isForNobody(asked, server, onupgrade)) answerPlainly(socket, 404, 'there is nothing here')
        }
        onupgrade[PATH] = path
        server.on('upgrade', onupgrade)
        return {
          address,
          close: async () => {
            isClosing = true
            server.off('upgrade', onupgrade)
          },
        }
      },
    },
    { ...settings, gate },
  )
}

/** The path that a listener for `upgrade` of ours takes; other copies of this package know it too. */
const PATH: unique symbol = Symbol.for('@mcpwire/ws/upgrade-path') as never

interface UpgradeListener {
  (request: IncomingMessage, socket: Socket, head: Buffer): void
  [PATH]?: string
}

/** Whether an upgrade is left to the listener: all others are of ours too, none takes that path, and it is the first. */
function isForNobody(asked: string, server: HttpServer | HttpsServer, listener: UpgradeListener): boolean {
  const all: readonly UpgradeListener[] = server.listeners('upgrade') as UpgradeListener[]
  return all[0] === listener && all.every((each) => each[PATH] !== undefined && each[PATH] !== asked)
}

function addressOf(server: HttpServer | HttpsServer, path: string): string {
  const isSecure = 'setSecureContext' in server
  const bound = server.address()
  if (bound === null) {
    const address = `${isSecure ? 'wss' : 'ws'}:${path}`
    const message = `cannot take WebSockets at ${path}: the server does not listen yet; start it first`
    throw new TransportError('LISTEN_FAILED', message, { address })
  }
  if (typeof bound === 'string') return `${isSecure ? 'wss' : 'ws'}+unix:${bound}:${path}`
  return wsAddress({ host: bound.address, port: bound.port, path }, isSecure)
}
