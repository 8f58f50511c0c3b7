import type { JsonRpcMessage } from './message.js'

/** The id of one stored event. Only its store can interpret it. */
export type EventId = string

/** The id of one event stream: that of a request, or the one for other messages. */
export type StreamId = string

/** Stores the events of streams, so that a client can resume a stream. The stores of the MCP SDKs have this shape. */
export interface EventStore {
  /** Stores one message and returns its id. The events of a stream keep the order of these calls. */
  storeEvent(streamId: StreamId, message: JsonRpcMessage): Promise<EventId>
  /** The stream of an event; `undefined` for an unknown event. */
  getStreamIdForEventId?(eventId: EventId): Promise<StreamId | undefined>
  /** Sends the events after that one on its stream, in order. Resolves with the stream. Rejects for an unknown event. */
  replayEventsAfter(
    lastEventId: EventId,
    callbacks: { send: (eventId: EventId, message: JsonRpcMessage) => Promise<void> },
  ): Promise<StreamId>
}
