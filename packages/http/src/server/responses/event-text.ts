import { overloaded } from '@mcpwire/core/authoring'
import { EVENT_STREAM_MEDIA_TYPE } from '../../shared/media-types.js'
import { utf8Length } from '../../shared/utf8-length.js'
import type { HeaderLines } from '../request/http-exchange.js'

/** One message as a server-sent event, with an id where an event store has it. */
export function messageEvent(json: string, id?: string): string {
  // JSON text has no line breaks of its own (SSEW-02).
  return id === undefined
    ? `event: message\ndata: ${json}\n\n`
    : `event: message\nid: ${id}\ndata: ${json}\n\n`
}

/** An event without data. A client that has received nothing else resumes from its id. */
export function primingEvent(id: string, retryMs: number): string {
  return `id: ${id}\nretry: ${retryMs}\ndata: \n\n`
}

/** The wait of the client before it reconnects. */
export function retryHint(retryMs: number): string {
  return `retry: ${retryMs}\n\n`
}

/** The path for the messages of a client of HTTP+SSE. */
export function endpointEvent(uri: string): string {
  return `event: endpoint\ndata: ${uri}\n\n`
}

/** The headers of an event stream. */
export const eventStreamHeaders: HeaderLines = [
  'content-type',
  EVENT_STREAM_MEDIA_TYPE,
  'cache-control',
  'no-cache, no-transform',
  'x-accel-buffering',
  'no',
]

/** The headers of a response with all of its events at once, which a proxy may buffer. */
export const completeEventsHeaders: HeaderLines = [
  'content-type',
  EVENT_STREAM_MEDIA_TYPE,
  'cache-control',
  'no-cache',
]

/** The bytes of an event besides its message: field names, and an id of the usual length. */
const FRAME_BYTES = 96

/** The size of a message as an event, in bytes. */
export function eventBytes(json: string): number {
  return utf8Length(json) + FRAME_BYTES
}

/** The `OVERLOADED` error for a message that exceeds the free part of `maxQueuedBytes`. */
export function overloadError(json: string, freeBytes: number, maxQueuedBytes: number): Error | undefined {
  // UTF-8 takes at most three bytes for one UTF-16 unit.
  if (json.length * 3 + FRAME_BYTES <= freeBytes) return undefined
  const excess = eventBytes(json) - freeBytes
  return excess > 0 ? overloaded('the stream', maxQueuedBytes + excess, maxQueuedBytes) : undefined
}
