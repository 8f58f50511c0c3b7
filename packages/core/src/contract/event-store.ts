import type { JsonRpcMessage } from './message.js'

/** Names one stored event. Opaque to all but the store that gave it. */
export type EventId = string

/** Names one stream of events: a request's, or the one for messages that belong to none. */
export type StreamId = string

/** Keeps what was sent on a stream, so that a client that lost it can have the rest. The MCP SDKs' stores fit. */
export interface EventStore {
  /** Stores one message and names it. Events of one stream keep the order of these calls. */
  storeEvent(streamId: StreamId, message: JsonRpcMessage): Promise<EventId>
  /** The stream an event belongs to, or nothing where the event is unknown. */
  getStreamIdForEventId?(eventId: EventId): Promise<StreamId | undefined>
  /** Sends what followed that event on its stream, in order, and tells the stream. Rejects where the event is unknown. */
  replayEventsAfter(
    lastEventId: EventId,
    callbacks: { send: (eventId: EventId, message: JsonRpcMessage) => Promise<void> },
  ): Promise<StreamId>
}
