/** One message as an event of a stream, named where there is a store to have it again from. */
export function messageEvent(json: string, id?: string): string {
  // JSON text has no line breaks of its own (SSEW-02).
  return id === undefined
    ? `event: message\ndata: ${json}\n\n`
    : `event: message\nid: ${id}\ndata: ${json}\n\n`
}

/** An event without data: its id is what a client continues from that heard nothing yet. */
export function primingEvent(id: string, retryMs: number): string {
  return `id: ${id}\nretry: ${retryMs}\ndata: \n\n`
}

/** How long a client is to wait before it comes back. */
export function retryHint(retryMs: number): string {
  return `retry: ${retryMs}\n\n`
}

/** Where a client of HTTP+SSE sends its messages. */
export function endpointEvent(uri: string): string {
  return `event: endpoint\ndata: ${uri}\n\n`
}

/** Says nothing, but keeps whatever is in between from cutting an idle stream. */
export const keepAliveComment = ': keep-alive\n\n'

/** The headers of every answer that is a stream of events. */
export const eventStreamHeaders: readonly string[] = [
  'content-type',
  'text/event-stream',
  'cache-control',
  'no-cache, no-transform',
  'x-accel-buffering',
  'no',
]

/** The headers of an answer that has all of its events at once, so that there is nothing to hold up in between. */
export const wholeEventsHeaders: readonly string[] = [
  'content-type',
  'text/event-stream',
  'cache-control',
  'no-cache',
]
