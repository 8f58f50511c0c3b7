import { TransportError } from '@mcpwire/core'
import type { Link } from './call/client-context.js'
import type { RefusedAnswer } from './call/refused-answer.js'
import { KeptStream } from './reconnecting-stream.js'

/**
 * How it is with the stream for messages that belong to no request: asked for; open; ended and asked for again
 * after a while; not offered by the server; or given up.
 */
export type StreamState = 'connecting' | 'open' | 'reconnecting' | 'unsupported' | 'closed'

/** What a client does with its stream for messages that belong to no request. */
export interface StandaloneStreamOwner {
  hear(text: string): void
  report(error: Error): void
  state(state: StreamState): void
  /** The server knows the session no more. */
  sessionLost(sessionId: string): void
}

/** What errors call the stream, for which the session goes on without it. */
const WHAT = 'the stream for messages that belong to no request, which do not arrive without it'

/** With these a server says, one way or another, that it has no such stream. */
const NOT_OFFERED = new Set([400, 404, 405, 406, 501])

/** The optional stream of a session, for messages that belong to no request. */
export class StandaloneStream {
  readonly #link: Link
  readonly #owner: StandaloneStreamOwner
  #stream: KeptStream | undefined

  constructor(link: Link, owner: StandaloneStreamOwner) {
    this.#link = link
    this.#owner = owner
  }

  /** Asks for the stream; one there was before ends. */
  open(): void {
    const { sessionId } = this.#link.headers
    let wasOpen = false
    this.#stream?.stop()
    this.#owner.state('connecting')
    const stream = new KeptStream(this.#link, {
      what: WHAT,
      event: (data, type) => {
        if (type === 'message') this.#owner.hear(data)
      },
      token: () => {},
      opened: () => {
        wasOpen = true
        this.#owner.state('open')
      },
      waiting: () => this.#owner.state('reconnecting'),
      forgotten: (error) => this.#owner.report(gap(this.#link.address, error)),
      overlong: (error) => {
        this.#owner.report(error)
        stream.beginAnew(error)
      },
      lost: (error) => this.#lost(error),
      refused: (error, answer) => this.#refused(error, answer, wasOpen ? sessionId : undefined),
    })
    this.#stream = stream
    stream.start()
  }

  stop(): void {
    if (!this.#stream) return
    this.#stream.stop()
    this.#stream = undefined
    this.#owner.state('closed')
  }

  pause(): void {
    this.#stream?.pause()
  }

  resume(): void {
    this.#stream?.resume()
  }

  #refused(error: Error, { status }: RefusedAnswer, sessionId: string | undefined): void {
    if (status === 404 && sessionId !== undefined) {
      this.stop()
      this.#owner.sessionLost(sessionId)
    } else if (sessionId === undefined && (status < 300 || NOT_OFFERED.has(status))) {
      this.#stream = undefined
      this.#owner.state('unsupported')
    } else this.#lost(error)
  }

  #lost(error: Error): void {
    this.#stream = undefined
    this.#owner.state('closed')
    this.#owner.report(error)
  }
}

/** What the server said while the stream was away is not said again. */
function gap(address: string, cause: Error): Error {
  const message = `${address} does not know the last event any more: messages that belong to no request may be missing`
  return new TransportError('REFUSED', message, { status: 400 }, { cause })
}
