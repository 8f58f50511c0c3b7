/** The media type of a JSON document. */
export const JSON_MEDIA_TYPE = 'application/json'
/** The media type of a stream of server-sent events. */
export const EVENT_STREAM_MEDIA_TYPE = 'text/event-stream'
