export const JSON_TYPE = 'application/json'
export const EVENTS_TYPE = 'text/event-stream'

/** The media type in a `content-type` header, without its parameters. */
export function mediaTypeOf(header: string | undefined): string | undefined {
  // Compared first, since most servers write just these.
  if (header === undefined || header === JSON_TYPE || header === EVENTS_TYPE) return header
  return header.split(';', 1)[0]?.trim().toLowerCase()
}
