import { type EventStore, isTransportError, type JsonRpcMessage, toError } from '@mcpwire/core'
import type { EventStream, Exchange } from '../exchange.js'
import { isPriming } from './event-log.js'
import { eventStreamHeaders, messageEvent, wholeEventsHeaders } from './event-text.js'
import { answerFailure } from './http-errors.js'
import { invalid } from './posted-messages.js'
import type { Session } from './session.js'

/** Where a client wants to continue. */
interface Point {
  readonly eventStore: EventStore
  readonly lastEventId: string
}

/** Sends what followed an event on its stream, and continues that stream where it is not over. Never rejects. */
export async function resume(exchange: Exchange, session: Session, point: Point): Promise<void> {
  try {
    const streamId = await streamOf(point)
    // Of streams of others, not even that they exist is told.
    if (streamId === undefined || !session.owns(streamId)) {
      answerFailure(
        exchange,
        invalid(400, 'Last-Event-ID names no event of this session that can be replayed'),
      )
      return
    }
    const { standalone } = session
    const target = standalone.log?.streamId === streamId ? standalone : session.answerWith(streamId)
    if (!target?.log) await replayWhole(exchange, point)
    else {
      target.log.inTurn(async () => {
        try {
          const events = await eventsAfter(point)
          if (exchange.hasLeft) return
          const stream = exchange.stream(eventStreamHeaders)
          await writeAll(stream, events)
          target.continueOn(exchange, stream)
        } catch (error) {
          failed(exchange, session, error)
        }
      })
    }
  } catch (error) {
    failed(exchange, session, error)
  }
}

function failed(exchange: Exchange, session: Session, error: unknown): void {
  session.report(toError(error))
  exchange.fail()
}

/** The stream an event is of. A store that cannot tell finds out by replaying. */
async function streamOf({ eventStore, lastEventId }: Point): Promise<string | undefined> {
  try {
    if (eventStore.getStreamIdForEventId) return await eventStore.getStreamIdForEventId(lastEventId)
    return await eventStore.replayEventsAfter(lastEventId, { send: async () => {} })
  } catch (error) {
    // It cannot be asked, which says nothing about the event.
    if (isTransportError(error, 'CALLBACK_FAILED')) throw error
    return undefined
  }
}

async function eventsAfter({ eventStore, lastEventId }: Point): Promise<string[]> {
  const events: string[] = []
  await eventStore.replayEventsAfter(lastEventId, {
    send: async (id: string, message: JsonRpcMessage) => {
      if (!isPriming(message)) events.push(messageEvent(JSON.stringify(message), id))
    },
  })
  return events
}

/** A stream that is over: what was missed, or the status that tells clients to stop coming back. */
async function replayWhole(exchange: Exchange, point: Point): Promise<void> {
  const events = await eventsAfter(point)
  if (exchange.hasLeft) return
  if (events.length === 0) exchange.answer(204, [])
  else exchange.answer(200, wholeEventsHeaders, events.join(''))
}

/** Waits for the client to read, so that no more is held than is allowed to be. */
async function writeAll(stream: EventStream, events: readonly string[]): Promise<void> {
  for (const event of events) {
    try {
      await stream.write(event)
    } catch {
      return
    }
  }
}
