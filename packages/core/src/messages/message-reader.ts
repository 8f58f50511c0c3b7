import type { Sink } from '../contract/connector.js'
import { TransportError } from '../contract/errors.js'
import { type JsonRpcMessage, parseMessage } from '../contract/message.js'
import type { MessageContext } from '../contract/transport.js'
import { type BatchNegotiation, createBatchNegotiation, isInitialize } from './batches.js'

/** Options of a message reader. */
export interface MessageReaderOptions {
  /** The address of the peer, for error texts. */
  readonly address: string
  /**
   * Ends the conversation after `maxMalformedInARow` malformed messages. The channel releases everything, then calls
   * `sink.end` with the error.
   */
  readonly abandon: (error: Error) => void
  /** The number of malformed messages in a row that ends the conversation. Default 10; `Infinity` for no limit. */
  readonly maxMalformedInARow?: number | undefined
  /** Called with malformed text instead of `sink.error`, for media that also carry other output. */
  readonly noise?: ((text: string) => void) | undefined
}

/** Validates the input of a channel and delivers its messages to a sink. */
export interface MessageReader {
  /** Reads one JSON text: a message, or a batch where batches were negotiated. */
  text(text: string, encoded?: Uint8Array, context?: MessageContext): void
  /** Reads one parsed value. */
  value(value: unknown, context?: MessageContext): void
  /** Reports input that is no text. */
  unreadable(bytes: Uint8Array, reason: string): void
  /** Observes a sent message, to detect the negotiated revision. */
  sent(message: JsonRpcMessage): void
}

/** The longest part of malformed input in an error. */
const PREVIEW_BYTES = 64
const DEFAULT_MAX_MALFORMED_IN_A_ROW = 10

/**
 * Makes the reader that turns the input from a peer into messages (clauses C10, C15 and C18). Malformed input is reported
 * as `MALFORMED_MESSAGE` and skipped. The valid messages around it are delivered.
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
    sent: (message) => reader.sent(message),
  }
}

/** The same reader as a class. Its members are not bound, which saves memory for many connections. */
export class JsonRpcMessageReader implements MessageReader {
  readonly #sink: Sink
  readonly #options: MessageReaderOptions
  /** Set by the first `initialize`. */
  #batches: BatchNegotiation | undefined
  #malformedInARow = 0
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
      this.#malformed('not JSON', json)
      return
    }
    let value: unknown
    try {
      value = JSON.parse(json)
    } catch (cause) {
      this.#malformed('not JSON', json, cause)
      return
    }
    this.#accept(value, json, encoded, context)
  }

  value(value: unknown, context?: MessageContext): void {
    this.#accept(value, undefined, undefined, context)
  }

  unreadable(bytes: Uint8Array, reason: string): void {
    if (this.#isAbandoned) return
    this.#malformed(reason, new TextDecoder().decode(bytes.subarray(0, PREVIEW_BYTES)))
  }

  sent(message: JsonRpcMessage): void {
    this.#negotiating(message)?.sent(message)
  }

  #negotiating(message: JsonRpcMessage): BatchNegotiation | undefined {
    if (!this.#batches && isInitialize(message)) this.#batches = createBatchNegotiation()
    return this.#batches
  }

  #accept(value: unknown, text?: string, encoded?: Uint8Array, context?: MessageContext): void {
    if (this.#isAbandoned) return
    if (!Array.isArray(value) || !this.#batches?.allowed) {
      this.#acceptOne(value, text, encoded, context)
      return
    }
    if (value.length === 0) this.#malformed('an empty batch', text ?? textOf(value))
    for (const each of value) {
      if (!this.#isAbandoned) this.#acceptOne(each, undefined, undefined, context)
    }
  }

  #acceptOne(value: unknown, text?: string, encoded?: Uint8Array, context?: MessageContext): void {
    const message = parseMessage(value)
    if (typeof message === 'string') {
      this.#malformed(message, text ?? textOf(value))
      return
    }
    this.#malformedInARow = 0
    if (encoded) setEncoded(message, encoded)
    this.#negotiating(message)?.received(message)
    this.#sink.message(message, context)
  }

  #malformed(reason: string, text: string, cause?: unknown): void {
    const { address, noise, maxMalformedInARow = DEFAULT_MAX_MALFORMED_IN_A_ROW } = this.#options
    if (noise) {
      noise(text)
      return
    }
    const details = { preview: previewOf(text) }
    const message = `malformed message from ${address}: ${reason}`
    this.#sink.error(new TransportError('MALFORMED_MESSAGE', message, details, { cause }))
    this.#malformedInARow++
    if (this.#malformedInARow < maxMalformedInARow) return
    this.#isAbandoned = true
    const final = `${this.#malformedInARow} malformed messages in a row from ${address}`
    this.#options.abandon(new TransportError('MALFORMED_MESSAGE', final, details))
  }
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
