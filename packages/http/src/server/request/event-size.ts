import { overloaded } from '@mcpwire/core/authoring'
import { utf8Length } from '../../shared/utf8-length.js'

/** What an event has besides its message: the names of its fields, and an id as long as they usually are. */
const FRAME_BYTES = 96

/** How much room a message takes as an event. */
export function eventBytes(json: string): number {
  return utf8Length(json) + FRAME_BYTES
}

/** The error for a message that has no room among what is free of `maxQueuedBytes`. */
export function overload(json: string, freeBytes: number, maxQueuedBytes: number): Error | undefined {
  // UTF-8 takes at most three bytes for one UTF-16 unit.
  if (json.length * 3 + FRAME_BYTES <= freeBytes) return undefined
  const overBytes = eventBytes(json) - freeBytes
  return overBytes > 0 ? overloaded('the stream', maxQueuedBytes + overBytes, maxQueuedBytes) : undefined
}
