import {
  createLineDecoder,
  JsonRpcMessageReader,
  type LineDecoder,
  type LineHandlers,
  MAX_UNSOLICITED_IN_A_ROW,
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
  TransportError,
} from '../index.js'
import { isCutOff } from '../messages/envelope.js'
import { decodeCloseReason } from './close-reason.js'
import type { InspectStart } from './first-bytes.js'

/** Limits and checks of incoming bytes. */
export interface InboundOptions {
  readonly maxMessageBytes: number
  readonly keepEncoded?: boolean | undefined
  /** Whether a message over the limit ends the connection (the default), or is reported and skipped. */
  readonly oversize?: 'end' | 'skip' | undefined
  /**
   * Inspects the first bytes before they are decoded: `inspectServerStart` in a client, `inspectClientStart` in a
   * listener. Another protocol ends the connection with `MALFORMED_MESSAGE`. Without it any start is accepted, as a
   * child process may print banners.
   */
  readonly inspectStart?: InspectStart | undefined
  /** Whether invalid UTF-8 is replaced with U+FFFD and reported once, or makes its line malformed (the default). */
  readonly invalidUtf8?: 'replace' | undefined
  /** As for `createMessageReader`. */
  readonly maxMalformedInARow?: number | undefined
  /** As for `createMessageReader`. */
  readonly onStrayOutput?: ((text: string) => void) | undefined
}

/** The receiver of messages, errors and the end. */
export interface InboundHandlers {
  message(message: JsonRpcMessage, context: MessageContext | undefined): void
  error(error: Error): void
  /** Sends the JSON text of an error response to a malformed request. */
  respond(text: string): void
  /** The peer has sent its reason for closing the connection. */
  end(error: Error): void
  /**
   * The peer broke a rule: this end closes the connection for this reason. `response` are the last bytes for a peer that
   * speaks another protocol.
   */
  abandon(error: Error, response?: string): void
}

/**
 * From received bytes to delivered messages: line decoder, then message reader. One object for each connection, in
 * every role that its parts require.
 */
export class Inbound implements LineHandlers, MessageReaderOptions, Pick<Sink, 'message' | 'error'> {
  bytesReceived = 0
  readonly #handlers: InboundHandlers
  readonly #options: InboundOptions
  readonly #peer: Peer
  readonly #decoder: LineDecoder
  readonly #reader: JsonRpcMessageReader
  #hasReceived = false
  #hasReplaced = false
  /** The message that is too long, until its end arrives. */
  #oversized: { readonly error: TransportError<'MESSAGE_TOO_LARGE'>; readonly start: Uint8Array } | undefined
  /** The start of the input while it is undecided; then undefined. */
  #start: string | undefined
  /** Whether the next line is the last one, without a line feed. */
  #isEnding = false
  #cutOff: TransportError | undefined

  constructor(handlers: InboundHandlers, options: InboundOptions, peer: Peer) {
    const { maxMessageBytes, keepEncoded } = options
    this.#handlers = handlers
    this.#options = options
    this.#peer = peer
    this.#start = options.inspectStart && ''
    this.#decoder = createLineDecoder(this, { maxLineBytes: maxMessageBytes, keepEncoded })
    this.#reader = new JsonRpcMessageReader(this, this)
  }

  push(chunk: Uint8Array): void {
    this.bytesReceived += chunk.length
    if (this.#start === undefined || !this.#isForeign(chunk)) this.#decoder.push(chunk)
  }

  /**
   * The input has ended. Delivers a last line without a line feed. Returns the error of a message that is cut off, which
   * settles the request that it belongs to.
   */
  end(): TransportError | undefined {
    if (this.#start !== undefined && this.#isForeign()) return undefined
    this.#isEnding = true
    this.#cutOff = this.#oversized && cutOff(this.address, this.#oversized.error.details.bytes)
    this.#decoder.end()
    return this.#cutOff
  }

  /** The bytes of a message that is not complete yet. */
  get heldBytes(): number {
    return this.#decoder.bufferedBytes + (this.#start?.length ?? 0)
  }

  /** Whether the response to `initialize` has begun a session, in either direction. */
  get isInSession(): boolean {
    return this.#reader.isInSession
  }

  /** Whether a sent request has no response yet. */
  get hasPendingRequests(): boolean {
    return this.#reader.hasPendingRequests
  }

  /** Inspects the start of the input. Ends the connection of another protocol. */
  #isForeign(chunk?: Uint8Array): boolean {
    const { undecided, foreign } = this.#options.inspectStart?.(this.#start ?? '', chunk, this.address) ?? {}
    this.#start = undecided
    if (foreign) this.#handlers.abandon(foreign.error, foreign.response)
    return foreign !== undefined
  }

  /** Stops delivery, and releases what is not delivered. */
  stop(): void {
    this.#decoder.stop()
    this.#start &&= ''
  }

  /** Records a sent message, from which the reader derives the negotiated revision. */
  sent(message: JsonRpcMessage): void {
    this.#reader.sent(message)
  }

  line(text: string, encoded: Uint8Array | undefined): void {
    if (!this.#isEnding || !this.#isCutOff(text)) this.#reader.text(text, encoded)
  }

  invalid(encoded: Uint8Array): void {
    if (this.#isEnding && this.#isCutOff(new TextDecoder().decode(encoded), encoded.length)) return
    if (this.#options.invalidUtf8 !== 'replace' || !looksLikeJson(encoded)) {
      this.#reader.unreadable(encoded, 'not UTF-8')
      return
    }
    const text = new TextDecoder().decode(encoded)
    // Reported once. The reader reports a line that is no JSON anyway.
    if (!this.#hasReplaced && isJson(text)) {
      this.#hasReplaced = true
      this.error(replacedUtf8(this.address, text))
    }
    this.#reader.text(text)
  }

  oversize(bytes: number, start: Uint8Array): void {
    const { maxMessageBytes, oversize, onStrayOutput } = this.#options
    const error = tooLargeToAccept(bytes, maxMessageBytes, this.address)
    if (oversize !== 'skip') this.abandon(error)
    else if (onStrayOutput && !looksLikeJson(start)) onStrayOutput(previewOf(Buffer.from(start).toString()))
    else {
      this.error(error)
      // Copied: the decoder reuses its memory.
      const isDone = this.#reader.tooLong(error, start)
      this.#oversized = isDone ? undefined : { error, start: new Uint8Array(start.subarray(0, LOOK_BYTES)) }
    }
  }

  discarded(end: Uint8Array): void {
    const oversized = this.#oversized
    this.#oversized = undefined
    if (oversized) this.#reader.tooLong(oversized.error, oversized.start, end)
  }

  respond(text: string): void {
    this.#handlers.respond(text)
  }

  message(message: JsonRpcMessage, context?: MessageContext): void {
    // Few messages have no id: the check is cheap for all others.
    const { id } = message as JsonRpcErrorResponse
    const reason = id === undefined && isErrorResponse(message) ? this.#closeReasonIn(message) : undefined
    this.#hasReceived = true
    if (reason) this.#handlers.end(reason)
    else this.#handlers.message(message, context)
  }

  /** Whether the last line is the start of a message. */
  #isCutOff(text: string, bytes: number = Buffer.byteLength(text)): boolean {
    if (!isCutOff(text)) return false
    this.#cutOff = cutOff(this.address, bytes)
    this.#reader.cutOff(this.#cutOff, text)
    return true
  }

  /** The error in a close reason, or in a refusal, which can only be the first message. */
  #closeReasonIn(message: JsonRpcErrorResponse): Error | undefined {
    const refused = this.#hasReceived ? undefined : parseRefusal(message, this.address)
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

  get maxUnsolicitedInARow(): number {
    return MAX_UNSOLICITED_IN_A_ROW
  }

  get onStrayOutput(): ((text: string) => void) | undefined {
    return this.#options.onStrayOutput
  }
}

/** The kept start of a message that is too long. Its members before the longest one are enough. */
const LOOK_BYTES = 4096

function replacedUtf8(address: string, text: string): TransportError {
  const message = `${address} sent invalid UTF-8, which was replaced with U+FFFD`
  return new TransportError('MALFORMED_MESSAGE', message, { preview: previewOf(text) })
}

function cutOff(address: string, bytes: number): TransportError {
  const message = `lost ${address}: the stream ended in the middle of a message, after ${bytes} bytes of it`
  return new TransportError('PEER_LOST', message, { address, bytes })
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function looksLikeJson(start: Uint8Array): boolean {
  return start[0] === 0x7b || start[0] === 0x5b
}
