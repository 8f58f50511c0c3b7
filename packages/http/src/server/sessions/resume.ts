import { type EventId, type EventStore, isTransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { invalidRequest, respondWithError } from '../request/http-errors.js'
import type { EventStream, HeaderLines, HttpExchange } from '../request/http-exchange.js'
import { isPriming } from '../responses/event-log.js'
import { completeEventsHeaders, eventStreamHeaders, messageEvent } from '../responses/event-text.js'
import type { Session } from './session.js'

const done: Promise<void> = Promise.resolve()

/** The event that a client resumes after. */
interface ResumePoint {
  readonly eventStore: EventStore
  readonly lastEventId: string
}

/** Replays the events after `lastEventId`, and continues their stream if it is still open. Never rejects. */
export async function resume(exchange: HttpExchange, session: Session, point: ResumePoint): Promise<void> {
  try {
    const { lastEventId } = point
    // An open stream keeps its last id for longer than the store may.
    const atEnd = [...session.loggedStreams()].find(({ log }) => log?.lastId === lastEventId)
    const streamId = atEnd?.log?.streamId ?? (await streamOf(point))
    // The response is the same for a stream of another session, so as not to reveal it.
    if (streamId === undefined || !session.ownsStream(streamId)) {
      respondWithError(
        exchange,
        invalidRequest(400, 'cannot resume: Last-Event-ID is unknown or has expired'),
      )
      return
    }
    const target = [...session.loggedStreams()].find(({ log }) => log?.streamId === streamId)
    const { log } = target ?? {}
    if (!target || !log) {
      // The stream is over. Without missed events, status 204 stops the client from reconnecting.
      const stream = await replay(exchange, point, completeEventsHeaders)
      if (stream) void stream.end()
      else exchange.respond(204, [])
      return
    }
    log.enqueue(async () => {
      try {
        const missed =
          log.lastId === lastEventId ? undefined : await replay(exchange, point, eventStreamHeaders, target)
        target.continueOn(exchange, missed ?? exchange.openStream(eventStreamHeaders))
      } catch (error) {
        fail(exchange, session, error)
      }
    })
  } catch (error) {
    fail(exchange, session, error)
  }
}

function fail(exchange: HttpExchange, session: Session, error: unknown): void {
  if (exchange.isDisconnected) return
  session.report(toError(error))
  exchange.fail()
}

/** The stream of an event. A store without `getStreamIdForEventId` finds it by a replay. */
async function streamOf({ eventStore, lastEventId }: ResumePoint): Promise<string | undefined> {
  try {
    if (eventStore.getStreamIdForEventId) return await eventStore.getStreamIdForEventId(lastEventId)
    return await eventStore.replayEventsAfter(lastEventId, { send: async () => {} })
  } catch (error) {
    // The store failed: the event may exist.
    if (isTransportError(error, 'CALLBACK_FAILED')) throw error
    return undefined
  }
}

/** Replays stored events, except queued ones, on a stream that is opened for the first of them. */
async function replay(
  exchange: HttpExchange,
  { eventStore, lastEventId }: ResumePoint,
  headers: HeaderLines,
  target?: { hasQueued(id: EventId): boolean },
): Promise<EventStream | undefined> {
  let stream: EventStream | undefined
  await eventStore.replayEventsAfter(lastEventId, {
    send: (id, message) => {
      if (isPriming(message) || target?.hasQueued(id)) return done
      stream ??= exchange.openStream(headers)
      const to = stream
      // The store continues once the client has read, so that the queue keeps within its limit.
      const written = to.write(messageEvent(JSON.stringify(message), id))
      written.catch(() => to.destroy())
      return written
    },
  })
  return stream
}
