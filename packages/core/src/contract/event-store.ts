// Kept in the declarations: the TypeScript library of an importing project may lack these types.
/// <reference lib="esnext.disposable" preserve="true" />
import type { ByteBudget } from './byte-budget.js'
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
  /**
   * Counts the stored events in a budget, as a cache: over its limit, the store drops its oldest events. Called by each
   * listener when it starts. The listener disposes of the result when it closes.
   */
  useBudget?(budget: ByteBudget): Disposable
}
