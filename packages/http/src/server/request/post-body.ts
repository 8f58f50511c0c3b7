import { TransportError } from '@mcpwire/core'
import { previewOf, toError, tooLargeToAccept } from '@mcpwire/core/authoring'
import { answerFailure, type HttpFailure } from './http-errors.js'
import type { Body, Exchange } from './http-exchange.js'
import type { LiveStream } from './keep-alive-scheduler.js'
import { isJson } from './media-types.js'
import { invalid, type Posted, postedIn } from './posted-messages.js'
import type { SessionRegistry } from './session-registry.js'

/** What becomes of a body. */
export interface BodyHandlers {
  readonly take: (posted: Posted) => void
  /** Hears of one without messages, which is answered. */
  readonly refused: (error: Error) => void
}

/** Reads the messages in the body of a POST. Who leaves before it is complete is heard of no more. */
export function readPosted(
  exchange: Exchange,
  reception: SessionRegistry,
  { take, refused }: BodyHandlers,
): void {
  const { maxMessageBytes, bodyTimeoutMs, clock } = reception.settings
  if (!isJson(exchange.handshake.headers['content-type'])) {
    answerFailure(exchange, invalid(415, 'the Content-Type must be application/json, in UTF-8'))
    return
  }
  const slow = new SlowBody(exchange, clock.now() + bodyTimeoutMs)
  reception.live.add(slow)
  const done = (body: Body): void => {
    reception.live.delete(slow)
    if (body.kind === 'gone' || exchange.hasLeft) return
    try {
      const posted = postedIn(body, maxMessageBytes)
      if ('status' in posted) {
        answerFailure(exchange, posted)
        refused(errorOf(body, posted, exchange, maxMessageBytes))
      } else take(posted)
    } catch (error) {
      reception.report(toError(error))
      exchange.fail()
    }
  }
  try {
    exchange.readBody(maxMessageBytes, done)
  } catch (error) {
    // Such as that somebody else has read it.
    reception.live.delete(slow)
    throw error
  }
}

function errorOf(
  body: Body,
  { message }: HttpFailure,
  { handshake }: Exchange,
  maxMessageBytes: number,
): Error {
  const address = `http://${handshake.remote.address ?? ''}`
  if (body.kind === 'too-large') return tooLargeToAccept(body.bytes, maxMessageBytes, address)
  return malformed(message, address, body.kind === 'text' ? body.text : '')
}

/** The error for what is no message. */
export function malformed(why: string, address: string, text: string): TransportError<'MALFORMED_MESSAGE'> {
  const preview = previewOf(text)
  return new TransportError('MALFORMED_MESSAGE', `skipped what ${address} sent: ${why}`, { preview })
}

/** A body that may take too long to arrive. */
class SlowBody implements LiveStream {
  dueAt: number
  readonly #exchange: Exchange

  constructor(exchange: Exchange, dueAt: number) {
    this.#exchange = exchange
    this.dueAt = dueAt
  }

  beat(): void {
    this.dueAt = Infinity
    this.#exchange.stopReading()
  }
}
