import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Stalls } from '../../server/request/stalls.js'

/** How many requests are served behind an answer of their connection that is not out. Further ones wait for these. */
const MOST_SERVED = 16
/** How many may wait for that. Who sends more does not want the answers. */
const MOST_WAITING = 1_024

/**
 * Requests that came before the answers to others on their connection were out (RFC 9112, section 9.3.2), which is what
 * their own have to wait for. Node bounds none of it, and does not say when such a connection closes.
 */
export class Pipelines {
  readonly #lines = new WeakMap<Socket, Line>()
  readonly #stalls: Stalls<Socket>
  readonly #maxQueuedBytes: number

  constructor(stalls: Stalls<Socket>, maxQueuedBytes: number) {
    this.#stalls = stalls
    this.#maxQueuedBytes = maxQueuedBytes
  }

  /** Whether an answer is behind others. One that somebody has given already is not. */
  isBehind(response: ServerResponse): boolean {
    return response.socket === null && !response.headersSent
  }

  /** Serves a request that is behind others, now or as soon as there are fewer. */
  add({ socket }: IncomingMessage, response: ServerResponse, serve: () => void): void {
    if (socket.destroyed) {
      response.destroy()
      serve()
      return
    }
    let line = this.#lines.get(socket)
    if (!line) {
      line = new Line(socket, this.#stalls)
      this.#lines.set(socket, line)
    }
    line.add(response, serve)
  }

  /** Cuts a connection off where more waits on it than may. */
  heed(socket: Socket): void {
    if ((this.#lines.get(socket)?.bytes ?? 0) > this.#maxQueuedBytes) socket.destroy()
  }
}

interface Waiting {
  readonly response: ServerResponse
  readonly serve: () => void
}

/** Those of one connection. */
class Line {
  readonly #socket: Socket
  readonly #stalls: Stalls<Socket>
  readonly #served = new Set<ServerResponse>()
  #waiting: Waiting[] = []

  constructor(socket: Socket, stalls: Stalls<Socket>) {
    this.#socket = socket
    this.#stalls = stalls
    socket.once('close', () => this.#closed())
  }

  add(response: ServerResponse, serve: () => void): void {
    if (this.#served.size < MOST_SERVED) this.#serve({ response, serve })
    else if (this.#waiting.push({ response, serve }) > MOST_WAITING) this.#socket.destroy()
  }

  /** How much of answers is behind others. */
  get bytes(): number {
    let bytes = 0
    for (const { socket, writableLength } of this.#served) if (socket === null) bytes += writableLength
    return bytes
  }

  #serve({ response, serve }: Waiting): void {
    this.#served.add(response)
    response.once('close', () => {
      this.#served.delete(response)
      const next = this.#waiting.shift()
      if (next) this.#serve(next)
    })
    // What has gathered leaves at once.
    response.once('socket', () => this.#stalls.watch(this.#socket))
    serve()
  }

  #closed(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const response of [...this.#served, ...waiting.map((each) => each.response)]) {
      // Of the one whose turn it was Node says so itself.
      if (response.socket !== null || response.destroyed) continue
      response.destroy()
      response.emit('close')
    }
  }
}
