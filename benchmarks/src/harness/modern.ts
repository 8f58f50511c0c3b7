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
    if (!isRequest(message)) return send(message, options)
    const { params } = message
    return send({ ...message, params: { ...params, _meta: { ...params?._meta, ...aboutSender } } }, options)
  }
  return wire
}
