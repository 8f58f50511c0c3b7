import { type RequestId, TransportError } from '@mcpwire/core'

/** The most of a response nobody asked for that is shown, in characters. */
const MAX_PREVIEW = 64

/** What a send that was under way is answered with. */
export function closedBy(cause: Error): Error {
  return new TransportError('CLOSED', `the transport is closed: ${cause.message}`, undefined, { cause })
}

/** Nobody waits for such a response; delivered, it would be taken for one to a request to come. */
export function unasked(address: string, id: RequestId): Error {
  const message = `${address} answered no request in flight: one that was answered, given up or never sent`
  return new TransportError('MALFORMED_MESSAGE', message, {
    preview: JSON.stringify(id).slice(0, MAX_PREVIEW),
  })
}
