import {
  isErrorResponse,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type TransportLike,
} from '@mcpwire/core'

const PROTOCOL_VERSION = '2025-11-25'
/** An id that no load uses. */
const HANDSHAKE_ID = -1

/** The request that starts a session. */
export const initializeRequest: JsonRpcRequest = {
  jsonrpc: '2.0',
  id: HANDSHAKE_ID,
  method: 'initialize',
  params: {
    protocolVersion: PROTOCOL_VERSION,
    capabilities: {},
    clientInfo: { name: 'benchmark', version: '1.0.0' },
  },
}

/** Makes `start()` also perform the handshake of a session. The handshake is not measured. */
export function withHandshake<W extends TransportLike>(wire: W): W {
  const start = wire.start.bind(wire)
  wire.start = async () => {
    await start()
    await handshake(wire)
  }
  return wire
}

/** The response to `initialize`. */
export function initializeResponse({ id, params }: JsonRpcRequest): JsonRpcMessage {
  const protocolVersion = String(params?.['protocolVersion'])
  const serverInfo = { name: 'benchmark', version: '1.0.0' }
  return { jsonrpc: '2.0', id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } }
}

async function handshake(wire: TransportLike): Promise<void> {
  const { onmessage } = wire
  const answered = new Promise<void>((resolve, reject) => {
    wire.onmessage = (message) => {
      if (!isResponse(message) || isErrorResponse(message)) reject(new Error(JSON.stringify(message)))
      else resolve()
    }
  })
  await wire.send(initializeRequest)
  await answered
  wire.onmessage = onmessage
  wire.setProtocolVersion?.(PROTOCOL_VERSION)
  await wire.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
}
