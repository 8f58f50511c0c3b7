import type { Socket } from 'node:net'
import { TransportError } from '@mcpwire/core'

/** What comes of an attempt to connect: an error, or a socket that is ready. */
export type Connected = (...outcome: [Error, null] | [null, Socket]) => void

/** One attempt to connect, which may take several sockets, one on top of another. */
export class ConnectionAttempt {
  readonly #done: Connected
  readonly #everySocket: Set<Socket>
  readonly #sockets: Socket[] = []
  #isOver = false

  /** `everySocket` holds each socket until it is closed. */
  constructor(everySocket: Set<Socket>, done: Connected) {
    this.#done = done
    this.#everySocket = everySocket
  }

  /** Makes a socket part of the attempt: it is over when the socket fails. */
  own(socket: Socket, onerror: (cause: Error) => void = (cause) => this.fail(cause)): void {
    this.#sockets.push(socket)
    this.#everySocket.add(socket)
    socket.once('close', () => this.#everySocket.delete(socket))
    // Stays, also once somebody else has the socket: without a listener, an error would end the process.
    socket.on('error', (cause) => {
      onerror(cause)
      // A TLS alert leaves it open, until undici finds its end and calls that the failure.
      socket.destroy()
    })
  }

  succeed(socket: Socket): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#done(null, socket)
  }

  fail(cause: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const socket of this.#sockets) socket.destroy()
    this.#done(cause, null)
  }
}

/** What an attempt fails with that takes longer than it may. */
export function connectTimeout(address: string, timeoutMs: number): Error {
  const message = `${address} did not accept a connection within connectTimeoutMs (${timeoutMs} ms)`
  return new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs })
}
