import { isRequest, type JsonRpcRequest, type Refusal, type RequestId } from '@mcpwire/core'
import { askGate, cancelledBy, type MessageGate, toError } from '@mcpwire/core/authoring'
import type { EndpointSettings } from './endpoint-options.js'
import { respondWithRefusal } from './http-errors.js'
import type { Caller, HttpExchange } from './http-exchange.js'
import type { Posted } from './message-body.js'
import { SESSION_HEADER } from './read-post.js'

/** The services of the endpoint that the admission of requests uses. */
export interface MessageAdmissionHost {
  readonly settings: EndpointSettings
  readonly report: (error: Error) => void
  /** Reports a caller that was refused. */
  refused(exchange: HttpExchange, refusal: Refusal): void
}

/** Asks the gate about each request of a POST, before the application receives it. */
export class MessageAdmission {
  readonly #gate: MessageGate
  readonly #host: MessageAdmissionHost
  /** The requests without a decision, by session and id: a cancellation must not overtake its request. */
  readonly #pending = new Map<string, Promise<unknown>>()

  constructor(gate: MessageGate, host: MessageAdmissionHost) {
    this.#gate = gate
    this.#host = host
  }

  /** Calls `proceed` where the gate admits all requests, or else responds with the first refusal. */
  admit(exchange: HttpExchange, caller: Caller, { messages, isBatch }: Posted, proceed: () => void): void {
    const requests = messages.filter(isRequest)
    const answers = requests.map((request) => this.#ask(exchange, caller, request))
    const waits = messages.map((message) => this.#pendingOf(exchange, cancelledBy(message)))
    const ids = requests.map(({ id }) => id)
    const settle = (refusals: readonly (Refusal | undefined)[]): void => {
      const refusal = refusals.find((each) => each !== undefined)
      if (!refusal) proceed()
      else this.#refuse(exchange, refusal, isBatch ? ids : ids[0])
    }
    const decided = answers.filter((answer) => !(answer instanceof Promise)) as (Refusal | undefined)[]
    if (decided.length === answers.length && waits.every((wait) => wait === undefined)) {
      settle(decided)
      return
    }
    const settled = Promise.all([
      Promise.all(answers.map((answer) => Promise.resolve(answer))),
      ...waits,
    ]).then(([refusals]) => {
      if (exchange.isDisconnected) return
      try {
        settle(refusals)
      } catch (error) {
        this.#host.report(toError(error))
        exchange.fail()
      }
    })
    this.#keepPending(
      ids.map((id) => keyOf(exchange, id)),
      settled,
    )
  }

  #ask(exchange: HttpExchange, caller: Caller, request: JsonRpcRequest): ReturnType<typeof askGate> {
    const { gateTimeoutMs, clock } = this.#host.settings
    const limits = { gateTimeoutMs, clock, report: this.#host.report }
    const disconnected = new AbortController()
    const sender = { handshake: exchange.handshake, admission: caller.admission }
    const answer = askGate(this.#gate, request, sender, limits, disconnected.signal)
    if (answer instanceof Promise) exchange.whenDisconnected(() => disconnected.abort())
    return answer
  }

  #keepPending(keys: readonly string[], settled: Promise<unknown>): void {
    for (const key of keys) this.#pending.set(key, settled)
    void settled.then(() => {
      for (const key of keys) if (this.#pending.get(key) === settled) this.#pending.delete(key)
    })
  }

  #pendingOf(exchange: HttpExchange, id: RequestId | undefined): Promise<unknown> | undefined {
    return id === undefined || this.#pending.size === 0 ? undefined : this.#pending.get(keyOf(exchange, id))
  }

  #refuse(exchange: HttpExchange, refusal: Refusal, ids: RequestId | readonly RequestId[] | undefined): void {
    respondWithRefusal(exchange, refusal, ids)
    this.#host.refused(exchange, refusal)
  }
}

function keyOf({ handshake, url }: HttpExchange, id: RequestId): string {
  const session = handshake.headers[SESSION_HEADER] ?? url.searchParams.get('sessionId') ?? ''
  return JSON.stringify([session, id])
}
