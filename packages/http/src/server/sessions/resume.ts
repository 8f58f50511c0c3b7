import { type EventId, type EventStore, isTransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { eventStreamHeaders, messageEvent, wholeEventsHeaders } from '../request/event-text.js'
import { answerFailure } from '../request/http-errors.js'
import type { EventStream, Exchange, HeaderLines } from '../request/http-exchange.js'
import { invalid } from '../request/posted-messages.js'
import { isPriming } from '../responses/event-log.js'
import type { Session } from './session.js'

const done: Promise<void> = Promise.resolve()

/** Where a client wants to continue. */
interface Point {
  readonly eventStore: EventStore
  readonly lastEventId: string
}

/** Sends what followed an event on its stream, and continues that stream where it is not over. Never rejects. */
export async function resume(exchange: Exchange, session: Session, point: Point): Promise<void> {
  try {
    const { lastEventId } = point
    // What is open knows its last event for longer than a store keeps it.
    const known = [...session.logged()].find(({ log }) => log?.lastId === lastEventId)
    const streamId = known?.log?.streamId ?? (await streamOf(point))
    // Of streams of others, not even that they exist is told.
    if (streamId === undefined || !session.owns(streamId)) {
      answerFailure(
        exchange,
        invalid(400, 'Last-Event-ID names no event of this session that can be replayed'),
      )
      return
    }
    const target = [...session.logged()].find(({ log }) => log?.streamId === streamId)
    const { log } = target ?? {}
    if (!target || !log) {
      // Without more to come, the status that tells clients to stop coming back.
      const stream = await replay(exchange, point, wholeEventsHeaders)
      if (stream) void stream.end()
      else exchange.answer(204, [])
      return
    }
    log.inTurn(async () => {
      try {
        const missed =
          log.lastId === lastEventId ? undefined : await replay(exchange, point, eventStreamHeaders, target)
        target.continueOn(exchange, missed ?? exchange.stream(eventStreamHeaders))
      } catch (error) {
        failed(exchange, session, error)
      }
    })
  } catch (error) {
    failed(exchange, session, error)
  }
}

function failed(exchange: Exchange, session: Session, error: unknown): void {
  if (exchange.hasLeft) return
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

/** What follows an event and is not held back, on a stream that is there once there is something. */
async function replay(
  exchange: Exchange,
  { eventStore, lastEventId }: Point,
  headers: HeaderLines,
  target?: { holds(id: EventId): boolean },
): Promise<EventStream | undefined> {
  let stream: EventStream | undefined
  await eventStore.replayEventsAfter(lastEventId, {
    send: (id, message) => {
      if (isPriming(message) || target?.holds(id)) return done
      stream ??= exchange.stream(headers)
      const to = stream
      // The store goes on once the client has read, so that no more is held than is allowed to be.
      const written = to.write(messageEvent(JSON.stringify(message), id))
      written.catch(() => to.destroy())
      return written
    },
  })
  return stream
}
