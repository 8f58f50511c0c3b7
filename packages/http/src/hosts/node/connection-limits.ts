import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { AcceptorSink } from '@mcpwire/core/authoring'
import { quarterOf } from '../../server/request/session-eviction.js'

const SOCKETS_PER_CONNECTION = 10
/** With more connections than this part of `maxSockets`, refused callers do not keep theirs. */
const CROWDED = 3 / 4

/** The limits of connections. */
export interface ConnectionLimitSettings {
  readonly maxConnections: number
  readonly maxSockets?: number | undefined
  readonly maxSocketsPerPrincipal?: number | undefined
}

/**
 * Limits the open connections of a server, in total and for each principal that the gate names. The gate comes later than
 * a connection, so that a flood of connections would exhaust file descriptors.
 */
export class ConnectionLimits {
  readonly #maxSockets: number
  readonly #maxPerPrincipal: number
  readonly #perPrincipal = new Map<string, number>()
  /** The principal of the last request of each connection. */
  readonly #principals = new WeakMap<Socket, string>()
  #open = 0

  constructor(server: HttpServer | HttpsServer, settings: ConnectionLimitSettings, sink: AcceptorSink) {
    const { maxConnections, maxSockets = maxConnections * SOCKETS_PER_CONNECTION } = settings
    this.#maxSockets = maxSockets
    this.#maxPerPrincipal = settings.maxSocketsPerPrincipal ?? quarterOf(maxSockets)
    server.maxConnections = maxSockets
    server.on('connection', (socket: Socket) => {
      this.#open++
      socket.once('close', () => this.#open--)
    })
    server.on('drop', (socket) => {
      const address = `http://${socket?.remoteAddress ?? ''}`
      const reason = `maxSockets (${maxSockets}) connections are open`
      sink.refused({ address, status: 503, reason, option: 'maxSockets' })
    })
  }

  /** Whether `maxSockets` is nearly reached. */
  get isCrowded(): boolean {
    return this.#open > this.#maxSockets * CROWDED
  }

  /** Counts a connection for the principal of its latest request. Returns false if the principal has too many others. */
  claim(socket: Socket, principal: string): boolean {
    const before = this.#principals.get(socket)
    if (before === principal || socket.destroyed) return true
    const others = this.#perPrincipal.get(principal) ?? 0
    if (others >= this.#maxPerPrincipal) return false
    if (before === undefined) socket.once('close', () => this.#release(socket))
    else this.#release(socket)
    this.#perPrincipal.set(principal, others + 1)
    this.#principals.set(socket, principal)
    return true
  }

  #release(socket: Socket): void {
    const principal = this.#principals.get(socket)
    if (principal === undefined) return
    const others = (this.#perPrincipal.get(principal) ?? 0) - 1
    if (others > 0) this.#perPrincipal.set(principal, others)
    else this.#perPrincipal.delete(principal)
  }
}
