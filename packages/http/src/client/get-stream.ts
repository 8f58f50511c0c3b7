import { TransportError } from '@mcpwire/core'
import type { ClientContext } from './call/client-context.js'
import type { RefusedResponse } from './call/response-errors.js'
import { ReconnectingStream } from './reconnecting-stream.js'

/**
 * The state of the stream for messages that belong to no request: requested; open; ended and requested again after a
 * delay; not offered by the server; or closed for good.
 */
export type StreamState = 'connecting' | 'open' | 'reconnecting' | 'unsupported' | 'closed'

/** The channel of a GET stream. */
export interface GetStreamOwner {
  message(text: string): void
  report(error: Error): void
  state(state: StreamState): void
  /** The server no longer knows the session. */
  sessionLost(sessionId: string): void
  /** Whether the stream must not be requested now. It is requested by `wake()`. */
  mustWait(): boolean
}

/** The stream's name in errors. */
const WHAT = 'the stream for messages that belong to no request'

/** Statuses of servers without such a stream. */
const UNSUPPORTED = new Set([400, 404, 405, 406, 501])

/** The optional stream of a session for messages that belong to no request. Its failure does not end the session. */
export class GetStream {
  readonly #context: ClientContext
  readonly #owner: GetStreamOwner
  #stream: ReconnectingStream | undefined

  constructor(context: ClientContext, owner: GetStreamOwner) {
    this.#context = context
    this.#owner = owner
  }

  /** Requests the stream, in place of the current one. */
  open(): void {
    const { sessionId } = this.#context.headers
    let wasOpen = false
    this.#stream?.stop()
    this.#owner.state('connecting')
    const stream = new ReconnectingStream(this.#context, {
      what: WHAT,
      event: (data, type) => {
        if (type === 'message') this.#owner.message(data)
      },
      token: () => {},
      opened: () => {
        wasOpen = true
        this.#owner.state('open')
      },
      mustWait: () => this.#owner.mustWait(),
      waiting: () => this.#owner.state('reconnecting'),
      cannotResume: (error) => this.#owner.report(gap(this.#context.address, error)),
      tooLarge: (error) => {
        this.#owner.report(error)
        stream.restart(error)
      },
      lost: (error) => this.#lost(error),
      refused: (error, response) => this.#refused(error, response, wasOpen ? sessionId : undefined),
    })
    this.#stream = stream
    stream.start()
  }

  /** Requests the stream, if that had to wait. */
  wake(): void {
    this.#stream?.wake()
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

  #refused(error: Error, { status }: RefusedResponse, sessionId: string | undefined): void {
    if (status === 404 && sessionId !== undefined) {
      this.stop()
      this.#owner.sessionLost(sessionId)
    } else if (sessionId === undefined && (status < 300 || UNSUPPORTED.has(status))) {
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

/** The error for messages that were sent while the stream was interrupted. */
function gap(address: string, cause: Error): Error {
  const message = `${address} cannot resume ${WHAT}: some of them may be lost`
  return new TransportError('REFUSED', message, { status: 400 }, { cause })
}
