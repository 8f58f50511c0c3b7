import {
  createLineDecoder,
  JsonRpcMessageReader,
  type LineDecoder,
  type LineHandlers,
  type MessageReaderOptions,
  parseRefusal,
  previewOf,
  type Sink,
  tooLargeToAccept,
} from '../authoring.js'
import {
  isErrorResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type MessageContext,
  type Peer,
} from '../index.js'
import { decodeCloseReason } from './close-reason.js'

/** What bounds and judges what arrives. */
export interface InboundOptions {
  readonly maxMessageBytes: number
  readonly keepEncoded?: boolean | undefined
  /** What a message over the limit does: ends the conversation (the default), or is reported and skipped. */
  readonly oversize?: 'end' | 'skip' | undefined
  /**
   * Judges the first bytes, before they are read as messages: an error ends the conversation.
   */
  readonly inspectFirstBytes?: ((chunk: Uint8Array, peer: Peer) => Error | undefined) | undefined
  /** As for `createMessageReader`. */
  readonly maxMalformedInARow?: number | undefined
  /** As for `createMessageReader`. */
  readonly noise?: ((text: string) => void) | undefined
}

/** Where what is read goes. */
export interface InboundHandlers {
  message(message: JsonRpcMessage, context: MessageContext | undefined): void
  error(error: Error): void
  /** What the peer says it ended the conversation for. */
  over(error: Error): void
  /** What this end ends the conversation for. */
  abandon(error: Error): void
}

/**
 * The way from bytes that arrive to messages that are delivered. In all the roles that its parts ask for, since there
 * is one for each connection.
 */
export class Inbound implements LineHandlers, MessageReaderOptions, Pick<Sink, 'message' | 'error'> {
  bytesReceived = 0
  readonly #handlers: InboundHandlers
  readonly #options: InboundOptions
  readonly #peer: Peer
  readonly #decoder: LineDecoder
  readonly #intake: JsonRpcMessageReader
  #isHeard = false

  constructor(handlers: InboundHandlers, options: InboundOptions, peer: Peer) {
    const { maxMessageBytes, keepEncoded } = options
    this.#handlers = handlers
    this.#options = options
    this.#peer = peer
    this.#decoder = createLineDecoder(this, { maxLineBytes: maxMessageBytes, keepEncoded })
    this.#intake = new JsonRpcMessageReader(this, this)
  }

  push(chunk: Uint8Array): void {
    const wrong = this.bytesReceived === 0 ? this.#options.inspectFirstBytes?.(chunk, this.#peer) : undefined
    this.bytesReceived += chunk.length
    if (wrong) this.abandon(wrong)
    else this.#decoder.push(chunk)
  }

  /** No more bytes come; a last line without a line feed is delivered. */
  end(): void {
    this.#decoder.end()
  }

  /** Delivers nothing any more. */
  stop(): void {
    this.#decoder.stop()
  }

  /** Tells of a message that was sent, from which the negotiated revision is learnt. */
  sent(message: JsonRpcMessage): void {
    this.#intake.sent(message)
  }

  line(text: string, encoded: Uint8Array | undefined): void {
    this.#intake.text(text, encoded)
  }

  invalid(encoded: Uint8Array): void {
    this.#intake.unreadable(encoded, 'not UTF-8')
  }

  oversize(bytes: number, start: Uint8Array): void {
    const { maxMessageBytes, oversize, noise } = this.#options
    if (oversize !== 'skip') this.abandon(tooLargeToAccept(bytes, maxMessageBytes, this.address))
    else if (noise && !looksLikeJson(start)) noise(previewOf(Buffer.from(start).toString()))
    else this.error(tooLargeToAccept(bytes, maxMessageBytes, this.address))
  }

  message(message: JsonRpcMessage, context?: MessageContext): void {
    // Few messages have no id, and fewer no method either.
    const { id } = message as JsonRpcErrorResponse
    const ended = id === undefined && isErrorResponse(message) ? this.#lastWordIn(message) : undefined
    this.#isHeard = true
    if (ended) this.#handlers.over(ended)
    else this.#handlers.message(message, context)
  }

  /** The first message may be the refusal of a listener that has no other way to say so. */
  #lastWordIn(message: JsonRpcErrorResponse): Error | undefined {
    const refused = this.#isHeard ? undefined : parseRefusal(message, this.address)
    return refused ?? decodeCloseReason(message, this.address)
  }

  error(error: Error): void {
    this.#handlers.error(error)
  }

  abandon(error: Error): void {
    this.#handlers.abandon(error)
  }

  get address(): string {
    return this.#peer.address
  }

  get maxMalformedInARow(): number | undefined {
    return this.#options.maxMalformedInARow
  }

  get noise(): ((text: string) => void) | undefined {
    return this.#options.noise
  }
}

function looksLikeJson(start: Uint8Array): boolean {
  return start[0] === 0x7b || start[0] === 0x5b
}
