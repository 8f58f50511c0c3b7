import type { Sink } from '../contract/connector.js'
import { TransportError, type TransportErrorCode } from '../contract/errors.js'
import {
  isResponse,
  type JsonRpcMessage,
  type JsonRpcResponse,
  parseMessage,
  type RequestId,
} from '../contract/message.js'
import { INVALID_REQUEST_CODE, PARSE_ERROR_CODE } from '../contract/protocol.js'
import type { MessageContext } from '../contract/transport.js'
import { type BatchNegotiation, createBatchNegotiation, isInitialize } from './batches.js'
import { answerText, correctionFor, mayBeStray } from './correction.js'
import { type Envelope, envelopeIn, envelopeOf, LOOK_AT_END_CHARACTERS, LOOK_CHARACTERS } from './envelope.js'
import { toOwnErrorResponse } from './error-responses.js'
import { MalformedCounts } from './malformed-counts.js'
import { type SentRequests, trackSent } from './sent-requests.js'

/** Options of a message reader. */
export interface MessageReaderOptions {
  /** The address of the peer, for error texts. */
  readonly address: string
  /**
   * Ends the conversation after `maxMalformedInARow` malformed messages. The channel releases everything, then calls
   * `sink.end` with the error.
   */
  readonly abandon: (error: Error) => void
  /**
   * Sends the JSON text of an error response to the peer, for a malformed request. Must not throw. Without it, malformed
   * requests get no response.
   */
  readonly respond?: ((text: string) => void) | undefined
  /** The number of malformed messages in a row that ends the conversation. Default 10; `Infinity` for no limit. */
  readonly maxMalformedInARow?: number | undefined
  /**
   * The number of responses to no pending request, in a row, that ends the conversation. Default `Infinity`. Far above the
   * number of requests that a client may have cancelled: their late responses are no fault.
   */
  readonly maxUnsolicitedInARow?: number | undefined
  /** Called with malformed text instead of `sink.error`, for media that also carry other output. */
  readonly onStrayOutput?: ((text: string) => void) | undefined
}

/** Validates the input of a channel and delivers its messages to a sink. */
export interface MessageReader {
  /** Reads one JSON text: a message, or a batch where batches were negotiated. */
  text(text: string, encoded?: Uint8Array, context?: MessageContext): void
  /** Reads one parsed value. */
  value(value: unknown, context?: MessageContext): void
  /** Reports input that is no text. */
  unreadable(bytes: Uint8Array, reason: string): void
  /** Reports a message that the channel itself has rejected. It settles a pending request like any malformed one. */
  rejected(reason: string, value: unknown): void
  /**
   * Observes a sent message. The reader derives the negotiated revision from it, and the requests that a malformed
   * response settles.
   */
  sent(message: JsonRpcMessage): void
}

/** The longest part of malformed input in an error. */
const PREVIEW_BYTES = 64
const DEFAULT_MAX_MALFORMED_IN_A_ROW = 10

/**
 * Makes the reader that turns the input from a peer into messages (clauses C10, C15 and C18). A malformed message is
 * reported as `MALFORMED_MESSAGE` and skipped. The valid messages around it are delivered.
 *
 * - With the id of a pending request it settles the request: the sink receives an error response.
 * - A request gets the error −32600 or −32700 from `respond`.
 * - Other malformed messages are reported once for each reason, then at each power of ten.
 *
 * @example
 * ```ts
 * const reader = createMessageReader(sink, { address: 'tcp://127.0.0.1:7000', abandon: (error) => close(error) })
 * reader.text('{"jsonrpc":"2.0","method":"ping","id":1}')
 * ```
 */
export function createMessageReader(sink: Sink, options: MessageReaderOptions): MessageReader {
  const reader = new JsonRpcMessageReader(sink, options)
  return {
    text: (text, encoded, context) => reader.text(text, encoded, context),
    value: (value, context) => reader.value(value, context),
    unreadable: (bytes, why) => reader.unreadable(bytes, why),
    rejected: (reason, value) => reader.rejected(reason, value),
    sent: (message) => reader.sent(message),
  }
}

/** A malformed message. */
interface Fault {
  readonly reason: string
  /** The text, or its start. */
  readonly text: string
  readonly envelope: Envelope | undefined
  readonly isParsed: boolean
  readonly cause?: unknown
}

/** The same reader as a class. Its members are not bound, which saves memory for many connections. */
export class JsonRpcMessageReader implements MessageReader {
  readonly #sink: Sink
  readonly #options: MessageReaderOptions
  /** Set by the first `initialize`. */
  #batches: BatchNegotiation | undefined
  /** Set by the first sent request. */
  #sent: SentRequests | undefined
  /** How often each kind of malformed message was received. Set by the first. */
  #counts: MalformedCounts | undefined
  #malformedInARow = 0
  #unsolicitedInARow = 0
  #isAbandoned = false

  constructor(sink: Sink, options: MessageReaderOptions) {
    this.#sink = sink
    this.#options = options
  }

  text(text: string, encoded?: Uint8Array, context?: MessageContext): void {
    if (this.#isAbandoned) return
    const json = text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
    const first = firstNonSpace(json)
    if (first === undefined) return
    // Checked before it is parsed: exceptions are the highest cost of many malformed lines.
    if (first !== OPENING_BRACE && first !== OPENING_BRACKET) {
      this.#unparsable('not JSON', json)
      return
    }
    let value: unknown
    try {
      value = JSON.parse(json)
    } catch (cause) {
      this.#unparsable('not JSON', json, cause)
      return
    }
    this.#accept(value, json, encoded, context)
  }

  value(value: unknown, context?: MessageContext): void {
    this.#accept(value, undefined, undefined, context)
  }

  unreadable(bytes: Uint8Array, reason: string): void {
    if (this.#isAbandoned) return
    const start = decoder.decode(bytes.subarray(0, LOOK_CHARACTERS))
    const end = bytes.length > LOOK_CHARACTERS ? decodedEnd(bytes) : undefined
    this.#unparsable(reason, start, undefined, end)
  }

  rejected(reason: string, value: unknown): void {
    if (this.#isAbandoned) return
    if (Array.isArray(value)) this.#refuseBatch(reason, value, textOf(value))
    else if (typeof value === 'string') this.#unparsable(reason, value)
    else this.#malformed({ reason, text: textOf(value), envelope: envelopeOf(value), isParsed: true })
  }

  /**
   * Corrects a message that is too long to read, whose error is reported. `end` is its end, once that has arrived.
   * Returns whether nothing is left to do with `end`.
   */
  tooLong(error: TransportError, start: Uint8Array, end?: Uint8Array): boolean {
    const text = decoder.decode(start.subarray(0, LOOK_CHARACTERS))
    const envelope = envelopeIn(text, end && decodedEnd(end))
    if (!envelope || this.#isStray(envelope)) return true
    const correction = correctionFor(envelope, this.#sent)
    if (correction.kind === 'settle') this.#settle(correction.id, error)
    else if (envelope.id === undefined) return false
    else if (correction.kind === 'answer')
      this.#respond(correction.id, INVALID_REQUEST_CODE, 'the message is too long', 'MESSAGE_TOO_LARGE')
    return true
  }

  /** Settles or answers a message whose end is missing, as far as its start shows what it is. */
  cutOff(error: TransportError, start: string): void {
    const envelope = envelopeIn(start)
    if (!envelope || this.#isStray(envelope)) return
    const correction = correctionFor(envelope, this.#sent)
    if (correction.kind === 'settle') this.#settle(correction.id, error)
    else if (correction.kind === 'answer')
      this.#respond(correction.id, PARSE_ERROR_CODE, 'the message is cut off', 'MALFORMED_MESSAGE')
  }

  /** Whether the response to `initialize` has begun a session, in either direction. */
  get isInSession(): boolean {
    return this.#batches?.isInSession ?? false
  }

  /** Whether a sent request has no response yet. */
  get hasPendingRequests(): boolean {
    return this.#sent !== undefined && !this.#sent.isEmpty
  }

  /** Reports an error about received input once for each reason, then at each power of ten. */
  report(reason: string, error: (count: number) => TransportError): void {
    this.#counts ??= new MalformedCounts()
    const count = this.#counts.add(reason)
    if (count !== undefined) this.#sink.error(error(count))
  }

  sent(message: JsonRpcMessage): void {
    this.#negotiating(message)?.sent(message)
    this.#sent = trackSent(this.#sent, message)
  }

  #negotiating(message: JsonRpcMessage): BatchNegotiation | undefined {
    if (!this.#batches && isInitialize(message)) this.#batches = createBatchNegotiation()
    return this.#batches
  }

  #accept(value: unknown, text?: string, encoded?: Uint8Array, context?: MessageContext): void {
    if (this.#isAbandoned) return
    if (!Array.isArray(value)) this.#acceptOne(value, text, encoded, context)
    else if (value.length === 0) this.#refuseBatch('an empty batch', value, text)
    else if (!this.#batches?.allowed) this.#refuseBatch(NO_BATCHES, value, text)
    else {
      for (const each of value) {
        if (!this.#isAbandoned) this.#acceptOne(each, undefined, undefined, context)
      }
    }
  }

  #acceptOne(value: unknown, text?: string, encoded?: Uint8Array, context?: MessageContext): void {
    const parsed = parseMessage(value)
    if (typeof parsed === 'string') {
      const envelope = envelopeOf(value)
      this.#malformed({ reason: parsed, text: text ?? textOf(value), envelope, isParsed: true })
      return
    }
    const message = isResponse(parsed) ? this.#matched(parsed) : parsed
    if (message === undefined) return
    if (!isResponse(parsed)) this.#unsolicitedInARow = 0
    this.#malformedInARow = 0
    if (encoded && message === parsed) setEncoded(message, encoded)
    this.#negotiating(message)?.received(message)
    this.#sink.message(message, context)
  }

  /**
   * Removes the request of the response. The response gets the id of the request where it has it as a string. Returns
   * nothing for one response too many that no request has.
   */
  #matched(response: JsonRpcResponse): JsonRpcResponse | undefined {
    const { id } = response
    const sent = this.#sent
    if (id === undefined || sent?.delete(id)) {
      this.#unsolicitedInARow = 0
      return response
    }
    const pending = sent?.match(id)
    if (!sent || pending === undefined) return this.#unsolicited(response)
    sent.delete(pending)
    this.#unsolicitedInARow = 0
    this.report(STRING_ID, () => {
      const message = `${this.#options.address} sent the integer id of a request back as a string; the response is accepted`
      return new TransportError('MALFORMED_MESSAGE', message, { preview: previewOf(JSON.stringify(id)) })
    })
    return { ...response, id: pending }
  }

  #unsolicited(response: JsonRpcResponse): JsonRpcResponse | undefined {
    const { address, abandon, maxUnsolicitedInARow = Infinity } = this.#options
    this.#unsolicitedInARow++
    if (this.#unsolicitedInARow < maxUnsolicitedInARow) return response
    this.#isAbandoned = true
    const message = `${this.#unsolicitedInARow} responses to no pending request in a row from ${address}`
    abandon(new TransportError('MALFORMED_MESSAGE', message, { preview: previewOf(textOf(response)) }))
    return undefined
  }

  /** Refuses a batch with one error response. Pending requests that it has responses to are settled. */
  #refuseBatch(reason: string, batch: readonly unknown[], text: string | undefined): void {
    const fault = { reason, text: text ?? textOf(batch), isParsed: true }
    const envelopes = batch.map(envelopeOf)
    const hasVersion = envelopes.some((each) => each?.hasVersion)
    const isRefused = batch.length === 0 || envelopes.some((each) => !each?.hasOutcome)
    this.#malformed({ ...fault, envelope: isRefused ? { ...BATCH, hasVersion } : undefined })
    for (const envelope of envelopes) {
      const correction = correctionFor(envelope?.hasOutcome ? envelope : undefined, this.#sent)
      if (correction.kind === 'settle' && !this.#isStray(envelope))
        this.#settle(correction.id, this.#errorOf(fault))
    }
  }

  #isStray(envelope: Envelope | undefined): boolean {
    return this.#options.onStrayOutput !== undefined && mayBeStray(envelope)
  }

  #unparsable(reason: string, text: string, cause?: unknown, end?: string): void {
    this.#malformed({ reason, text, envelope: envelopeIn(text, end), isParsed: false, cause })
  }

  #malformed(fault: Fault): void {
    const { onStrayOutput, maxMalformedInARow = DEFAULT_MAX_MALFORMED_IN_A_ROW } = this.#options
    const { reason, envelope, isParsed } = fault
    const correction = correctionFor(envelope, this.#sent)
    if (onStrayOutput && (correction.kind === 'skip' || this.#isStray(envelope))) {
      onStrayOutput(fault.text)
      return
    }
    if (correction.kind === 'settle') {
      const error = this.#errorOf(fault)
      this.#sink.error(error)
      this.#settle(correction.id, error)
    } else {
      this.report(reason, (count) => this.#errorOf(fault, count))
      if (correction.kind === 'answer') {
        const code = isParsed ? INVALID_REQUEST_CODE : PARSE_ERROR_CODE
        this.#respond(correction.id, code, reason, 'MALFORMED_MESSAGE')
      }
    }
    this.#malformedInARow++
    if (this.#malformedInARow < maxMalformedInARow) return
    this.#isAbandoned = true
    const final = `${this.#malformedInARow} malformed messages in a row from ${this.#options.address}`
    const details = { preview: previewOf(fault.text) }
    this.#options.abandon(new TransportError('MALFORMED_MESSAGE', final, details))
  }

  #errorOf({ reason, text, cause }: Omit<Fault, 'envelope'>, count = 1): TransportError {
    const { address } = this.#options
    const details = { preview: previewOf(text), ...(count > 1 && { count }) }
    const message =
      count > 1
        ? `malformed messages from ${address}: ${reason} (${count} so far)`
        : `malformed message from ${address}: ${reason}`
    return new TransportError('MALFORMED_MESSAGE', message, details, { cause })
  }

  #settle(id: RequestId, error: TransportError): void {
    this.#sent?.delete(id)
    this.#sink.message(toOwnErrorResponse(id, error, { delivery: 'unknown' }))
  }

  #respond(
    id: RequestId | null,
    code: typeof INVALID_REQUEST_CODE | typeof PARSE_ERROR_CODE,
    reason: string,
    dataCode: TransportErrorCode,
  ): void {
    this.#options.respond?.(answerText(id, code, reason, { code: dataCode, delivery: 'none' }))
  }
}

/** `maxUnsolicitedInARow` of byte streams and WebSockets. */
export const MAX_UNSOLICITED_IN_A_ROW = 10_000

const NO_BATCHES = 'a batch, but batches were not negotiated'
const STRING_ID = 'an integer id as a string'
/** The envelope of a batch: it gets one error response, with the id `null`. */
const BATCH = { id: null, hasMethod: true, hasOutcome: false, hasOthers: true, isComplete: true }

const decoder = new TextDecoder()

function decodedEnd(bytes: Uint8Array): string {
  return decoder.decode(bytes.subarray(-LOOK_AT_END_CHARACTERS))
}

const BYTE_ORDER_MARK = 0xfeff
const OPENING_BRACE = 0x7b
const OPENING_BRACKET = 0x5b

/** The code of the first character that is no white space, if there is one. */
function firstNonSpace(text: string): number | undefined {
  const first = text.charCodeAt(0)
  if (first === OPENING_BRACE) return first
  const at = text.search(/\S/)
  return at === -1 ? undefined : text.charCodeAt(at)
}

/** The first 64 bytes of a text, for errors. */
export function previewOf(text: string): string {
  const start = new TextEncoder().encode(text.slice(0, PREVIEW_BYTES)).subarray(0, PREVIEW_BYTES)
  // As a stream: an incomplete character at the end is left out.
  return new TextDecoder().decode(start, { stream: true })
}

/** The JSON text of any value. A value nested too deep has none. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return `[${typeof value}]`
  }
}

const encodings = new WeakMap<object, Uint8Array>()

/**
 * The bytes of a received message, where its transport has kept them (option `keepEncoded`). They belong to that object:
 * a copy of the message has none. Do not change them.
 */
export function encodedOf(message: object): Uint8Array | undefined {
  return encodings.get(message)
}

/** Keeps the bytes of a message for `encodedOf`. For channels with the option `keepEncoded`. */
export function setEncoded(message: object, encoded: Uint8Array): void {
  encodings.set(message, encoded)
}
