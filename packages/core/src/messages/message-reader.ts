import type { Sink } from '../contract/connector.js'
import { TransportError } from '../contract/errors.js'
import { type JsonRpcMessage, parseMessage } from '../contract/message.js'
import type { MessageContext } from '../contract/transport.js'
import { type BatchNegotiation, batchesNegotiated, isInitialize } from './batches.js'

/** How a channel judges what it reads. */
export interface MessageReaderOptions {
  /** Where it comes from, for error texts. */
  readonly address: string
  /**
   * Ends the conversation, because `maxMalformedInARow` pieces in a row were no messages. The channel releases
   * everything and then calls `sink.end` with the error.
   */
  readonly abandon: (error: Error) => void
  /** How many pieces in a row may be no messages before the conversation ends. `Infinity` for any number. */
  readonly maxMalformedInARow?: number | undefined
  /** Where what is no message goes instead of `sink.error`: for media that carry foreign output too. */
  readonly noise?: ((text: string) => void) | undefined
}

/** Judges what a channel reads, and delivers the messages in it to a sink. */
export interface MessageReader {
  /** Takes one piece of JSON text: a message, or a batch where those were negotiated. */
  text(text: string, encoded?: Uint8Array, context?: MessageContext): void
  /** Takes one value that was parsed already. */
  value(value: unknown, context?: MessageContext): void
  /** Takes one piece that is not even text. */
  unreadable(bytes: Uint8Array, why: string): void
  /** Tells of a message that was sent, from which the negotiated revision is learnt. */
  sent(message: JsonRpcMessage): void
}

/** The longest part of malformed input that an error shows. */
const PREVIEW_BYTES = 64
const DEFAULT_MAX_MALFORMED_IN_A_ROW = 10

/**
 * Makes the one place where bytes from a peer become messages (clauses C10, C15 and C18). What is no JSON-RPC
 * message is reported as `MALFORMED_MESSAGE` and skipped; nothing valid around it is lost.
 */
export function createMessageReader(sink: Sink, options: MessageReaderOptions): MessageReader {
  const intake = new JsonRpcMessageReader(sink, options)
  return {
    text: (text, encoded, context) => intake.text(text, encoded, context),
    value: (value, context) => intake.value(value, context),
    unreadable: (bytes, why) => intake.unreadable(bytes, why),
    sent: (message) => intake.sent(message),
  }
}

/** What `createMessageReader` makes, but its members are not bound, and so cost nothing where there are many. */
export class JsonRpcMessageReader implements MessageReader {
  readonly #sink: Sink
  readonly #options: MessageReaderOptions
  /** There from the first `initialize` on. */
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
    const first = firstVisible(json)
    if (first === undefined) return
    // Judged before it is parsed: an exception for each line is what a flood of noise would cost most.
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
    this.#judge(value, json, encoded, context)
  }

  value(value: unknown, context?: MessageContext): void {
    this.#judge(value, undefined, undefined, context)
  }

  unreadable(bytes: Uint8Array, why: string): void {
    if (this.#isAbandoned) return
    this.#malformed(why, new TextDecoder().decode(bytes.subarray(0, PREVIEW_BYTES)))
  }

  sent(message: JsonRpcMessage): void {
    this.#negotiating(message)?.sent(message)
  }

  #negotiating(message: JsonRpcMessage): BatchNegotiation | undefined {
    if (!this.#batches && isInitialize(message)) this.#batches = batchesNegotiated()
    return this.#batches
  }

  #judge(value: unknown, text?: string, encoded?: Uint8Array, context?: MessageContext): void {
    if (this.#isAbandoned) return
    if (!Array.isArray(value) || !this.#batches?.allowed) {
      this.#one(value, text, encoded, context)
      return
    }
    if (value.length === 0) this.#malformed('an empty batch', text ?? textOf(value))
    for (const each of value) {
      if (!this.#isAbandoned) this.#one(each, undefined, undefined, context)
    }
  }

  #one(value: unknown, text?: string, encoded?: Uint8Array, context?: MessageContext): void {
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

  #malformed(why: string, text: string, cause?: unknown): void {
    const { address, noise, maxMalformedInARow = DEFAULT_MAX_MALFORMED_IN_A_ROW } = this.#options
    if (noise) {
      noise(text)
      return
    }
    const details = { preview: previewOf(text) }
    const message = `skipped what ${address} sent: ${why}`
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
function firstVisible(text: string): number | undefined {
  const first = text.charCodeAt(0)
  if (first === OPENING_BRACE) return first
  const at = text.search(/\S/)
  return at === -1 ? undefined : text.charCodeAt(at)
}

/** The first 64 bytes of a text, for errors. */
export function previewOf(text: string): string {
  const start = new TextEncoder().encode(text.slice(0, PREVIEW_BYTES)).subarray(0, PREVIEW_BYTES)
  // As a stream, so that a character that is cut is left out.
  return new TextDecoder().decode(start, { stream: true })
}

/** The JSON text of anything: what a peer nested too deep to be written again included. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return `[${typeof value}]`
  }
}

const encodings = new WeakMap<object, Uint8Array>()

/**
 * The bytes a received message came as, where its transport was asked to keep them (`keepEncoded`).
 * They belong to that very object: a copy of the message has none. Do not change them.
 */
export function encodedOf(message: object): Uint8Array | undefined {
  return encodings.get(message)
}

/** Notes the bytes a message came as. For channels that were asked to keep them. */
export function setEncoded(message: object, encoded: Uint8Array): void {
  encodings.set(message, encoded)
}
