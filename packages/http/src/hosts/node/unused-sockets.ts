import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'

/**
 * The sockets on which no request has come yet, such as those that browsers and `fetch` open to have one at hand. To
 * Node they are not idle.
 */
export class UnusedSockets {
  readonly #sockets = new Set<Socket>()
  readonly #isTls: boolean
  #isClosed = false

  constructor(server: HttpServer | HttpsServer, { isTls }: { readonly isTls: boolean }) {
    this.#isTls = isTls
    const forget = (socket: Socket): void => void this.#sockets.delete(socket)
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
      // Its handshake was under way when it was time to close.
      if (this.#isClosed) socket.destroy()
      else this.#sockets.add(socket)
      socket.once('close', () => forget(socket))
    })
    server.on('request', ({ socket }: IncomingMessage) => forget(socket))
  }

  /** Closes those on which nothing has come; over TLS, where a handshake has, those on which no request has. */
  close(): void {
    this.#isClosed = true
    for (const socket of this.#sockets) if (this.#isTls || socket.bytesRead === 0) socket.destroy()
  }
}
