import { isRequest, type TransportLike } from '@mcpwire/core'

/** What every request of the revision without sessions says about its sender. */
const aboutSender = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'benchmark', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** The same wire, each request of which stands for itself. */
export function withoutSession<W extends TransportLike>(wire: W): W {
  const send = wire.send.bind(wire)
  wire.send = (message, options) => {
    // Nobody else has it: made anew, it would cost what is no part of the wire.
    if (isRequest(message)) Object.assign(message.params?._meta ?? {}, aboutSender)
    return send(message, options)
  }
  return wire
}
