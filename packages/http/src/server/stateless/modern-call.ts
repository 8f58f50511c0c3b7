import {
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type Refusal,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import { toErrorResponse } from '@mcpwire/core/authoring'
import {
  CAPABILITY_MISSING,
  HEADER_MISMATCH,
  METHOD_NOT_FOUND,
  UNSUPPORTED_VERSION,
} from '../../shared/error-codes.js'
import { Standing } from '../request/admission-timer.js'
import type { EndpointSettings } from '../request/endpoint-options.js'
import { eventStreamHeaders, messageEvent } from '../request/event-text.js'
import { answerFailure, answerRefusal, type HttpFailure, lapsed } from '../request/http-errors.js'
import type { EventStream, Exchange, HeaderLines } from '../request/http-exchange.js'
import { keepAlive, type LiveStream, type LiveStreams } from '../request/keep-alive-scheduler.js'
import { jsonWithin, unsendable } from '../request/message-text.js'
import type { Caller } from '../request/principal.js'
import type { AnswerFormat } from '../responses/post-answer.js'

const LISTEN = 'subscriptions/listen'
const SUBSCRIPTION_KEY = 'io.modelcontextprotocol/subscriptionId'
const jsonHeaders: HeaderLines = ['content-type', 'application/json']
const done: Promise<void> = Promise.resolve()

/** What every answer of one endpoint shares. */
export interface CallHost {
  readonly settings: EndpointSettings
  readonly live: LiveStreams
}

/** Nothing was sent yet, a stream is open, or it is over. */
type State = 'undecided' | 'open' | 'over'

/** One request of this era and the HTTP answer to it, which ends with the response. */
export class ModernCall implements LiveStream {
  readonly id: RequestId
  readonly method: string
  readonly caller: Caller
  dueAt: number = Infinity
  readonly #host: CallHost
  readonly #exchange: Exchange
  readonly #format: AnswerFormat
  #state: State = 'undecided'
  #stream: EventStream | undefined
  #standing: Standing | undefined
  #left: (() => void) | undefined
  #whenOver: (() => void) | undefined

  constructor(
    host: CallHost,
    exchange: Exchange,
    how: { readonly request: JsonRpcRequest; readonly caller: Caller; readonly format: AnswerFormat },
  ) {
    this.#host = host
    this.#exchange = exchange
    this.id = how.request.id
    this.method = how.request.method
    this.caller = how.caller
    this.#format = how.format
  }

  /** Whether it opens a subscription, which lasts until one of both ends it. */
  get isListen(): boolean {
    return this.method === LISTEN
  }

  /** Whether nobody waits for anything of it any more. */
  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** Calls back, once, when nobody waits for anything of it any more. */
  whenOver(over: () => void): void {
    this.#whenOver = over
  }

  /** Starts to wait for the response. Calls back where nobody waits for it any more. */
  await(left: () => void): void {
    const { live, settings } = this.#host
    const { admission } = this.caller
    this.#left = left
    this.#wrote()
    live.add(this)
    if (admission.expiresAt !== undefined || admission.revoked !== undefined) {
      this.#standing = new Standing(settings.clock, () => this.#expire())
      this.#standing.renew(admission)
    }
    this.#exchange.whenLeft(() => this.#leave())
  }

  /** Sends what belongs to the request and is not its response; an answer in JSON has no room for it. */
  notify(message: JsonRpcMessage): Promise<void> {
    if (this.#state === 'over' || this.#format === 'json') return done
    const json = jsonWithin(message, this.#host.settings.maxMessageBytes)
    return this.#open().write(messageEvent(json))
  }

  /** Sends the response, or says that it could not be sent. */
  respond(response: JsonRpcResponse): Promise<void> {
    let json: string
    try {
      json = jsonWithin(response, this.#host.settings.maxMessageBytes)
    } catch (error) {
      // Whoever waits for an answer that cannot be sent is better told so.
      void this.#send(JSON.stringify({ jsonrpc: '2.0', id: this.id, error: unsendable }), 200)
      return Promise.reject(error)
    }
    return this.#send(json, statusOf(response))
  }

  /** Ends a subscription that was acknowledged, in order. */
  complete(): Promise<void> {
    const result = { resultType: 'complete', _meta: { [SUBSCRIPTION_KEY]: this.id } }
    return this.respond({ jsonrpc: '2.0', id: this.id, result })
  }

  /** Says that nobody will answer. Resolves once the answer is out. */
  abandon(): Promise<void> {
    if (this.isListen && this.#state === 'open') return this.complete()
    const message = 'the server ended before the request was answered'
    const lost = new TransportError('OUTCOME_UNKNOWN', message, { method: this.method })
    return this.respond(toErrorResponse(this.id, lost))
  }

  /** Answers with what was decided before the request was heard. */
  refuse(refusal: Refusal): void {
    if (this.#state !== 'undecided') return
    this.#over()
    answerRefusal(this.#exchange, refusal)
  }

  fail(failure: HttpFailure): void {
    if (this.#state !== 'undecided') return
    this.#over()
    answerFailure(this.#exchange, failure)
  }

  beat(now: number): void {
    keepAlive(this.#open())
    this.dueAt = now + this.#host.settings.keepAliveIntervalMs
  }

  #open(): EventStream {
    this.#state = 'open'
    this.#wrote()
    this.#stream ??= this.#exchange.stream(eventStreamHeaders)
    return this.#stream
  }

  #send(json: string, status: number): Promise<void> {
    const stream = this.#stream
    const isDecided = this.#state !== 'undecided'
    this.#over()
    if (stream) {
      const sent = stream.write(messageEvent(json))
      void stream.end()
      return sent
    }
    if (isDecided) return done
    if (this.#format === 'sse' && status === 200) {
      this.#exchange.answer(200, eventStreamHeaders, messageEvent(json))
    } else this.#exchange.answer(status, jsonHeaders, json)
    return done
  }

  /** Remembers when something was last said. */
  #wrote(): void {
    const { clock, keepAliveIntervalMs } = this.#host.settings
    this.dueAt = this.#format === 'json' ? Infinity : clock.now() + keepAliveIntervalMs
  }

  #leave(): void {
    if (this.#state === 'over') return
    const left = this.#left
    this.#over()
    left?.()
  }

  /** The caller is not admitted any more: it hears no more, and has to come back with another credential. */
  #expire(): void {
    if (this.#state === 'over') return
    const stream = this.#stream
    this.#leave()
    if (stream) void stream.end()
    else answerRefusal(this.#exchange, lapsed)
  }

  #over(): void {
    this.#state = 'over'
    this.#stream = undefined
    this.#left = undefined
    this.#standing?.end()
    this.#host.live.delete(this)
    const over = this.#whenOver
    this.#whenOver = undefined
    over?.()
  }
}

/** The statuses that go with errors (2026-07-28, Streamable HTTP); any other answer is a 200. */
const STATUSES: Readonly<Record<number, number>> = {
  [METHOD_NOT_FOUND]: 404,
  [HEADER_MISMATCH]: 400,
  [CAPABILITY_MISSING]: 400,
  [UNSUPPORTED_VERSION]: 400,
}

function statusOf(response: JsonRpcResponse): number {
  return ('error' in response && STATUSES[response.error.code]) || 200
}
