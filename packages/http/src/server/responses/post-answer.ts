import { type JsonRpcMessage, TransportError } from '@mcpwire/core'
import { toErrorResponse } from '@mcpwire/core/authoring'
import { endWithin } from '../request/end-within.js'
import { overload } from '../request/event-size.js'
import {
  eventStreamHeaders,
  messageEvent,
  primingEvent,
  retryHint,
  wholeEventsHeaders,
} from '../request/event-text.js'
import type { EventStream, Exchange, HeaderLines } from '../request/http-exchange.js'
import { keepAlive, type LiveStream } from '../request/keep-alive-scheduler.js'
import type { Outgoing } from '../request/message-text.js'
import type { Call } from '../request/pending-request.js'
import { type EventLog, stored } from './event-log.js'
import type { StreamOwner } from './stream-owner.js'

/** What a client accepts, and the endpoint is set to. */
export type AnswerFormat = 'auto' | 'json' | 'sse'

/**
 * The answer to one POST with requests: nothing was sent yet, a stream is open, the client is away, or it is over.
 * One that is away comes back where there is an event store.
 */
type State = 'undecided' | 'open' | 'away' | 'over'

/** How long an application has to send a response again once there is room. */
const RESEND_MS = 1_000

const noHeaders: HeaderLines = []
const jsonHeaders: HeaderLines = ['content-type', 'application/json']
const done: Promise<void> = Promise.resolve()

/** Answers one POST with one or, in a batch, several requests. */
export class PostAnswer implements LiveStream {
  /** Set while the answer is, or may become, a stream that can be continued. */
  log: EventLog | undefined
  dueAt: number = Infinity
  readonly #owner: StreamOwner
  readonly #format: AnswerFormat
  readonly #isBatch: boolean
  /** Headers of this answer alone: they name the session that it opens. */
  #headers: HeaderLines
  readonly #calls: Call[] = []
  #unanswered = 0
  #state: State = 'undecided'
  #exchange: Exchange | undefined
  #stream: EventStream | undefined
  /** Of a batch, until all are there. */
  #responses: Outgoing[] | undefined
  #patience: Disposable | undefined
  /** For whose responses there was no room: nobody may be about to send them again. */
  readonly #rejected = new Set<Call>()
  #lastChance: Disposable | undefined

  constructor(
    owner: StreamOwner,
    exchange: Exchange,
    how: { readonly format: AnswerFormat; readonly isBatch: boolean; readonly headers: HeaderLines },
  ) {
    this.#owner = owner
    this.#format = how.format
    this.#isBatch = how.isBatch
    this.#headers = how.headers
    this.#watch(exchange)
  }

  /** Whether messages besides responses can go this way. */
  get carriesMessages(): boolean {
    if (this.#state === 'over' || this.#format === 'json') return false
    return this.#state !== 'away' || this.log !== undefined
  }

  /** Whether the client left for good: what belongs to its requests has nowhere to go. */
  get isLost(): boolean {
    return this.#state === 'away' && this.log === undefined
  }

  add(call: Call): void {
    this.#calls.push(call)
    this.#unanswered++
  }

  /** Opens the stream at once where it is to begin with an event to continue from. */
  prime(): void {
    if (this.#format === 'json' || !this.#owner.allowsPolling) return
    this.log = this.#owner.newLog()
    if (this.log) this.#open()
  }

  /** Sends what belongs to a request and is not its response. */
  notify(outgoing: Outgoing): Promise<void> {
    if (this.#state === 'undecided') this.#commit()
    return this.#put(outgoing)
  }

  /**
   * The error for a response for which there is no room now. A store has room for what could be replayed: its client
   * comes back for it. Who does not send the response again while there is room has an error sent instead.
   */
  overload(call: Call, { json }: Outgoing): Error | undefined {
    if (!this.log && !this.#stream) return undefined
    const { maxQueuedBytes } = this.#owner.settings
    const freeBytes = this.log ? maxQueuedBytes : (this.#stream?.freeBytes ?? maxQueuedBytes)
    const error = overload(json, freeBytes, maxQueuedBytes)
    if (!error) return undefined
    this.#rejected.add(call)
    const stream = this.log ? undefined : this.#stream
    // Resolves once the client has read what is in the way.
    void (stream?.write('') ?? done).then(() => this.#giveLastChance(), ignore)
    return error
  }

  respond(call: Call, outgoing: Outgoing): Promise<void> {
    call.isAnswered = true
    this.#unanswered--
    if (this.#state === 'undecided') return this.#respondWhole(outgoing)
    if (this.#state === 'away' && !this.log) {
      this.#finishIfDone()
      return Promise.reject(clientLeft())
    }
    const sent = this.#put(outgoing, Infinity)
    this.#finishIfDone()
    return sent
  }

  /** There will be no session to go on with: it is not named, unless that was done. */
  opensNothing(): void {
    if (this.#state === 'undecided') this.#headers = noHeaders
  }

  /** Nobody waits for the response of this call any more. */
  drop(call: Call): void {
    call.isAnswered = true
    this.#unanswered--
    this.#finishIfDone()
  }

  /** The session is over: tells the client that nobody will answer, and ends. */
  abandon(): Promise<void> {
    if (this.#state === 'over') return done
    this.opensNothing()
    if (this.#exchange && !this.#exchange.hasLeft) {
      for (const call of this.#calls) if (!call.isAnswered) this.#tellLost(call).catch(ignore)
    }
    const stream = this.#stream
    this.#over()
    return stream ? endWithin(stream, this.#owner.settings) : done
  }

  /** Ends the HTTP answer, for the client to come back for the rest. */
  closeForPolling(): void {
    this.log?.inTurn(() => {
      if (this.#state !== 'open' || !this.#stream) return
      this.#stream.write(retryHint(this.#owner.settings.retryMs)).catch(ignore)
      void this.#stream.end()
      this.#detach()
      this.#state = 'away'
    })
  }

  /** Whether an event waits for a stream: all of them are in the store alone. */
  holds(): boolean {
    return false
  }

  /** Continues on another HTTP answer, whose stream has what was missed already. */
  continueOn(exchange: Exchange, stream: EventStream): void {
    if (this.#state === 'over') {
      void stream.end()
      return
    }
    const stale = this.#stream
    this.#detach()
    stale?.destroy()
    this.#patience?.[Symbol.dispose]()
    this.#state = 'open'
    this.#stream = stream
    this.#watch(exchange)
  }

  beat(now: number): void {
    if (this.#state === 'undecided') this.#commit()
    if (this.#stream) keepAlive(this.#stream)
    this.dueAt = now + this.#owner.settings.keepAliveIntervalMs
  }

  #watch(exchange: Exchange): void {
    this.#exchange = exchange
    this.#owner.attached()
    this.#wrote()
    this.#owner.live.add(this)
    exchange.whenLeft(() => {
      if (this.#exchange === exchange) this.#left()
    })
  }

  /** Remembers when something was last said. To a client that is behind nothing is. */
  #wrote(): void {
    const { clock, keepAliveIntervalMs } = this.#owner.settings
    this.dueAt = this.#format === 'json' ? Infinity : clock.now() + keepAliveIntervalMs
  }

  /** From now on this is a stream. */
  #commit(): void {
    this.log = this.#headers.length === 0 ? this.#owner.newLog() : undefined
    this.#open()
  }

  #open(): void {
    if (!this.#exchange) return
    this.#state = 'open'
    this.#stream = this.#exchange.stream([...eventStreamHeaders, ...this.#headers])
    const { retryMs } = this.#owner.settings
    if (this.#owner.allowsPolling) {
      this.log?.prime((id) => void this.#stream?.write(primingEvent(id, retryMs)).catch(ignore))
    }
    const responses = this.#responses ?? []
    this.#responses = undefined
    for (const outgoing of responses) this.#put(outgoing).catch(ignore)
  }

  /** `storedBytes` is what may wait in the store alone. */
  #put(
    outgoing: Outgoing,
    storedBytes = this.#stream?.freeBytes ?? this.#owner.settings.maxQueuedBytes,
  ): Promise<void> {
    const { log } = this
    const { json } = outgoing
    if (!log) {
      if (!this.#stream) return Promise.reject(clientLeft())
      if (!this.#stream.isBlocked) this.#wrote()
      return this.#stream.write(messageEvent(json))
    }
    return log.append(outgoing, storedBytes, (id) => {
      log.lastId = id ?? log.lastId
      if (!this.#stream) {
        if (id === undefined) throw clientLeft()
        return undefined
      }
      if (!this.#stream.isBlocked) this.#wrote()
      const written = this.#stream.write(messageEvent(json, id))
      return id === undefined ? written : stored(this.#stream, written)
    })
  }

  #respondWhole(outgoing: Outgoing): Promise<void> {
    if (this.#isBatch) {
      this.#responses ??= []
      this.#responses.push(outgoing)
      if (this.#unanswered > 0) return done
    }
    const exchange = this.#exchange
    this.#answerWhole(this.#responses ?? [outgoing])
    return exchange?.hasLeft ? Promise.reject(clientLeft()) : done
  }

  #answerWhole(responses: readonly Outgoing[]): void {
    const exchange = this.#exchange
    this.#over()
    if (this.#format === 'sse' || responses.length === 0) {
      // Without a response, as of a cancelled request, a stream without events is what says so.
      const events = responses.map(({ json }) => messageEvent(json)).join('')
      exchange?.answer(200, together(wholeEventsHeaders, this.#headers), events)
      return
    }
    const body = this.#isBatch ? `[${responses.map(({ json }) => json).join(',')}]` : responses[0]?.json
    exchange?.answer(200, together(jsonHeaders, this.#headers), body)
  }

  #finishIfDone(): void {
    if (this.#unanswered > 0 || this.#state === 'over') return
    if (this.#state === 'undecided') this.#answerWhole(this.#responses ?? [])
    else if (this.log) this.log.inTurn(() => void this.#end())
    else void this.#end()
  }

  #tellLost(call: Call): Promise<void> {
    const message = 'the session ended before the request was answered'
    const lost = new TransportError('OUTCOME_UNKNOWN', message, { method: call.method })
    const answer: JsonRpcMessage = toErrorResponse(call.id, lost)
    const outgoing = { message: answer, json: JSON.stringify(answer) }
    call.isAnswered = true
    this.#unanswered--
    if (this.#state === 'undecided') return this.#respondWhole(outgoing)
    return this.#stream ? this.#stream.write(messageEvent(outgoing.json)).catch(ignore) : done
  }

  #end(): Promise<void> {
    const stream = this.#stream
    this.#over()
    return stream?.end() ?? done
  }

  #over(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#patience?.[Symbol.dispose]()
    this.#lastChance?.[Symbol.dispose]()
    this.#detach()
  }

  #detach(): void {
    if (!this.#exchange) return
    this.#exchange = undefined
    this.#stream = undefined
    this.#owner.live.delete(this)
    this.#owner.detached()
  }

  #left(): void {
    this.#detach()
    this.#state = 'away'
    const { settings } = this.#owner
    const {
      onDisconnect = settings.eventStore ? 'continue' : 'cancel-after',
      clock,
      cancelAfterMs,
    } = settings
    if (this.#headers.length > 0) this.#owner.unheard()
    else if (onDisconnect === 'cancel' || this.#rejected.size > 0) this.#giveUp()
    else if (onDisconnect === 'cancel-after') {
      this.#patience = clock.deadline(cancelAfterMs, () => this.#giveUp())
    }
  }

  #giveLastChance(): void {
    if (this.#state === 'over') return
    this.#lastChance?.[Symbol.dispose]()
    this.#lastChance = this.#owner.settings.clock.deadline(RESEND_MS, () => {
      for (const call of this.#rejected) if (!call.isAnswered) this.#owner.unsent(call)
    })
  }

  #giveUp(): void {
    for (const call of this.#calls) if (!call.isAnswered) this.#owner.giveUp(call)
  }
}

function together(usual: HeaderLines, more: HeaderLines): HeaderLines {
  return more.length === 0 ? usual : [...usual, ...more]
}

/** The error for what belongs to a request whose client has left. */
export function clientLeft(): Error {
  return new TransportError('SEND_FAILED', 'the client left before the response', { delivery: 'none' })
}

function ignore(): void {}
