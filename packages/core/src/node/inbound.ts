import type { JsonRpcMessage, Peer, Sink } from '../index.js'
import { createIntake, createLineDecoder, previewOf, refusalIn, tooLargeToAccept } from '../index.js'

/** The way from bytes that arrive to messages that are delivered. */
export interface Inbound {
  readonly push: (chunk: Uint8Array) => void
  /** No more bytes come; a last line without a line feed is delivered. */
  readonly end: () => void
  /** Delivers nothing any more. */
  readonly stop: () => void
  /** Tells of a message that was sent, from which the negotiated revision is learnt. */
  readonly sent: (message: JsonRpcMessage) => void
  readonly bytesReceived: number
}

/** What bounds and judges what arrives. */
export interface InboundOptions {
  readonly peer: Peer
  readonly maxMessageBytes: number
  readonly keepEncoded?: boolean | undefined
  /** What a message over the limit does: ends the conversation (the default), or is reported and skipped. */
  readonly oversize?: 'end' | 'skip' | undefined
  /** Judges the first bytes, before they are read as messages: an error ends the conversation. */
  readonly judgeFirst?: ((chunk: Uint8Array) => Error | undefined) | undefined
  /** As for `createIntake`. */
  readonly maxMalformedInARow?: number | undefined
  /** As for `createIntake`. */
  readonly noise?: ((text: string) => void) | undefined
}

/** Makes one. What ends the conversation is told to `abandon`. */
export function createInbound(sink: Sink, options: InboundOptions, abandon: (error: Error) => void): Inbound {
  const { maxMessageBytes, keepEncoded, noise, maxMalformedInARow } = options
  const { address } = options.peer
  const intake = createIntake(refusalFirst(sink, address, abandon), {
    address,
    abandon,
    maxMalformedInARow,
    noise,
  })
  const decoder = createLineDecoder(
    {
      line: (text, encoded) => intake.text(text, encoded),
      invalid: (encoded) => intake.unreadable(encoded, 'not UTF-8'),
      oversize: (bytes, start) => {
        if (options.oversize !== 'skip') abandon(tooLargeToAccept(bytes, maxMessageBytes, address))
        else if (noise && !looksLikeJson(start)) noise(previewOf(Buffer.from(start).toString()))
        else sink.error(tooLargeToAccept(bytes, maxMessageBytes, address))
      },
    },
    { maxLineBytes: maxMessageBytes, keepEncoded },
  )
  const inbound = {
    bytesReceived: 0,
    push: (chunk: Uint8Array): void => {
      const wrong = inbound.bytesReceived === 0 ? options.judgeFirst?.(chunk) : undefined
      inbound.bytesReceived += chunk.length
      if (wrong) abandon(wrong)
      else decoder.push(chunk)
    },
    end: decoder.end,
    stop: decoder.stop,
    sent: intake.sent,
  }
  return inbound
}

/** The first message may be the refusal of a listener that has no other way to say so. */
function refusalFirst(sink: Sink, address: string, abandon: (error: Error) => void): Sink {
  let isHeard = false
  return {
    ...sink,
    message: (message, context) => {
      if (isHeard) {
        sink.message(message, context)
        return
      }
      isHeard = true
      const refused = refusalIn(message, address)
      if (refused) abandon(refused)
      else sink.message(message, context)
    },
  }
}

function looksLikeJson(start: Uint8Array): boolean {
  return start[0] === 0x7b || start[0] === 0x5b
}
