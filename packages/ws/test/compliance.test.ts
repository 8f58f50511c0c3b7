import {
  describeListener,
  describeTransport,
  type PairOptions,
  type TransportPair,
  type TransportSubject,
  tcpProxy,
  unfinishedMessage,
} from '@mcpwire/compliance'
import type { Transport } from '@mcpwire/core'
import { refusedPort } from '@mcpwire/test-support/ports'
import { type WsClientOptions, wsClient } from '../src/index.js'
import { wsServer } from '../src/node/index.js'
import { frame } from './support/frames.js'
import { plainServer, portOf } from './support/ports.js'
import { hostCertificate, trusted, unwrap, wrap } from './support/tls-tunnel.js'

const variants = [
  { name: 'ws', isSecure: false },
  { name: 'ws with permessage-deflate', isSecure: false, deflate: { thresholdBytes: 64 } },
  { name: 'wss', isSecure: true },
  {
    name: 'wss with permessage-deflate',
    isSecure: true,
    deflate: { thresholdBytes: 64, contextTakeover: true },
  },
] as const

interface Variant {
  readonly isSecure: boolean
  readonly deflate?: WsClientOptions['deflate']
}

for (const { name, ...variant } of variants) {
  describeTransport(name, subjectOf(variant))

  const { isSecure } = variant
  describeListener(name, {
    ...('deflate' in variant && {
      exempt: { holdBytes: 'a compressed message has another length than its content' },
    }),
    holdBytes: ({ address }, bytes) =>
      unfinishedMessage({
        to: { port: portOf(address), host: '127.0.0.1' },
        connect: (port) =>
          wsClient({ url: `${isSecure ? 'wss' : 'ws'}://localhost:${port}/mcp`, ...clientSide(variant) }),
        bytes,
      }),
    listen: (options) => wsServer({ port: 0, ...options, ...serverSide(variant) }),
    connect: ({ address = '' }, { headers }) =>
      wsClient({ url: address.replace('127.0.0.1', 'localhost'), headers, ...clientSide(variant) }),
    beyondThisHost: (options) => wsServer({ port: 0, host: '0.0.0.0', ...options, ...serverSide(variant) }),
    sameAddress: ({ address }, options) =>
      wsServer({ port: portOf(address), ...options, ...serverSide(variant) }),
  })
}

function serverSide({ isSecure, deflate }: Variant): {
  deflate: Variant['deflate']
  tls?: typeof hostCertificate
} {
  return { deflate, ...(isSecure && { tls: hostCertificate }) }
}

function clientSide({ isSecure, deflate }: Variant): { deflate: Variant['deflate']; tls?: typeof trusted } {
  return { deflate, ...(isSecure && { tls: trusted }) }
}

function subjectOf(variant: Variant): TransportSubject {
  const scheme = variant.isSecure ? 'wss' : 'ws'
  return {
    capabilities: { backpressure: true },
    exempt: {
      farStartsFirst: 'the far end is created when the near end connects',
      ...(variant.deflate && {
        stall: 'the messages of the suite compress to almost nothing and fill no buffer; see deflate.test.ts',
      }),
      sendRawBytes: 'a text frame that is not UTF-8 ends the connection with 1007 (RFC 6455, section 8.1)',
    },
    pair: (options) => proxiedPair(options, variant),
    create: (overlay) => wsClient({ url: `${scheme}://127.0.0.1:1/mcp`, ...clientSide(variant), ...overlay }),
    badOptions: [
      { url: '' },
      { url: 'http://127.0.0.1/' },
      { url: 'ws://user:secret@127.0.0.1/' },
      { url: 'ws://127.0.0.1/#part' },
      { headers: 'a: b' },
      { headers: { a: 1 } },
      { tokenInSubprotocol: '' },
      { tls: 'yes' },
      { deflate: 'yes' },
      { deflate: { thresholdBytes: -1 } },
      { deflate: { contextTakeover: 1 } },
      { requireSubprotocol: 'mcp' },
      { connectTimeoutMs: 0 },
      { pingIntervalMs: 0 },
      { pongTimeoutMs: Number.NaN },
      { maxMessageBytes: 0 },
      { maxMessageBytes: 2 ** 31 },
      { maxMessageBytes: Infinity },
      { maxQueuedBytes: Number.NaN },
      { closeTimeoutMs: -1 },
      { closeTimeoutMs: '2000' },
    ],
    unreachable: async (options) => ({
      transport: wsClient({
        ...options,
        url: `${scheme}://127.0.0.1:${await refusedPort()}/`,
        ...clientSide(variant),
      }),
    }),
    hangsUpDuringStart: (options) =>
      lone(options, variant, (socket) => socket.once('data', () => socket.destroy())),
    neverConnects: (options) => lone(options, variant, (socket) => void socket.resume()),
  }
}

async function lone(
  options: PairOptions,
  variant: Variant,
  onconnection: Parameters<typeof plainServer>[0],
): Promise<{ transport: Transport; cleanup: () => Promise<void> }> {
  const server = await plainServer(onconnection)
  const url = `${variant.isSecure ? 'wss' : 'ws'}://127.0.0.1:${server.port}/`
  return { transport: wsClient({ ...options, url, ...clientSide(variant) }), cleanup: server.close }
}

/** Both ends, with a proxy between them. Under TLS the proxy sees the decrypted bytes. */
async function proxiedPair(options: PairOptions, variant: Variant): Promise<TransportPair> {
  const { isSecure } = variant
  const listener = wsServer({ port: 0, ...options, ...serverSide(variant) })
  const far = new Promise<Transport>((resolve) => {
    listener.onconnection = resolve
  })
  await listener.start()
  const serverPort = portOf(listener.address)
  const behind = isSecure ? await wrap(serverPort) : undefined
  const proxy = await tcpProxy({ to: { port: behind?.port ?? serverPort, host: '127.0.0.1' } })
  const before = isSecure ? await unwrap(proxy.port) : undefined
  const url = `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${before?.port ?? proxy.port}/mcp`
  return {
    near: wsClient({ ...options, url, ...clientSide(variant) }),
    far,
    sendRaw: (to, piece) => proxy.inject(to, frame(piece, { isMasked: to === 'far' })),
    sendUnfinished: (to, start) => proxy.inject(to, frame(start, { isMasked: to === 'far', isFinal: false })),
    cut: () => proxy.reset(),
    stall: (side) => proxy.stall(side),
    cleanup: async () => {
      await before?.close()
      await proxy.close()
      await behind?.close()
      await listener.close()
    },
  }
}
