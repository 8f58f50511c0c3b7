import { isRequest, type TransportLike } from '@mcpwire/core'

/** The metadata of the client in every request of the revision without sessions. */
const aboutSender = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'benchmark', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** Adds that metadata to every request. */
export function withoutSession<W extends TransportLike>(wire: W): W {
  const send = wire.send.bind(wire)
  wire.send = (message, options) => {
    // Changed in place. A copy would cost time that is not part of the transport.
    if (isRequest(message)) Object.assign(message.params?._meta ?? {}, aboutSender)
    return send(message, options)
  }
  return wire
}
