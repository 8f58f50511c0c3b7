import { toError } from '@mcpwire/core'
import type { Body, Exchange } from '../exchange.js'
import { answerFailure } from './http-errors.js'
import type { LiveStream } from './live-streams.js'
import { isJson } from './media-types.js'
import { invalid, type Posted, postedIn } from './posted-messages.js'
import type { Reception } from './reception.js'

/** Reads the messages in the body of a POST. What is none is answered; who leaves before is heard of no more. */
export function readPosted(exchange: Exchange, reception: Reception, take: (posted: Posted) => void): void {
  const { maxMessageBytes, bodyTimeoutMs, clock } = reception.settings
  if (!isJson(exchange.handshake.headers['content-type'])) {
    answerFailure(exchange, invalid(415, 'the Content-Type must be application/json'))
    return
  }
  const slow = new SlowBody(exchange, clock.now() + bodyTimeoutMs)
  reception.live.add(slow)
  exchange.readBody(maxMessageBytes, (body: Body) => {
    reception.live.delete(slow)
    if (body.kind === 'gone' || exchange.hasLeft) return
    try {
      const posted = postedIn(body, maxMessageBytes)
      if ('status' in posted) answerFailure(exchange, posted)
      else take(posted)
    } catch (error) {
      reception.report(toError(error))
      exchange.fail()
    }
  })
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
