import {
  type LoneTransport,
  lineHooks,
  type PairOptions,
  type StreamFaults,
  type TransportPair,
  type TransportSubject,
  tcpProxy,
} from '@mcpwire/compliance'
import { refusedPort } from '@mcpwire/test-support/ports'
import { type TcpClientOptions, tcpClient, tcpServer } from '../../src/index.js'
import type { mutualTls } from './credentials.js'
import { bareServer, firstConnection, portOf } from './ends.js'
import { tlsProxy } from './tls-proxy.js'

const common = {
  capabilities: { backpressure: true },
  create: (overlay) => tcpClient({ port: 7_000, ...overlay }),
  badOptions: [
    { port: 0 },
    { port: 65_536 },
    { port: '7000' },
    { host: '' },
    { keepAliveMs: 999 },
    { connectTimeoutMs: 0 },
    { closeTimeoutMs: -1 },
    { maxMessageBytes: 1_023 },
    { maxQueuedBytes: 0 },
    { preamble: {} },
    { tls: true },
    { tls: { serverName: '' } },
    { tls: { minVersion: 'TLSv1.1' } },
  ],
} satisfies Partial<TransportSubject>

const farStartsFirst = 'the far end is created when the near one connects'

/** Plain TCP, through a proxy that injects faults. */
export function plainSubject(faults: StreamFaults = {}): TransportSubject {
  return {
    ...common,
    exempt: {
      farStartsFirst,
      hangsUpDuringStart: 'without TLS a socket is connected before its peer can disconnect',
    },
    pair: (options) => pairUnder(options, faults),
    unreachable: async (options) => ({ transport: tcpClient({ port: await refusedPort(), ...options }) }),
    neverConnects: (options) => ({
      transport: tcpClient({ port: 7_000, preamble: { headers: () => new Promise(() => {}) }, ...options }),
    }),
  }
}

/** TCP with TLS, through a proxy that terminates TLS on both sides. */
export function tlsSubject({ server, client }: typeof mutualTls): TransportSubject {
  return {
    ...common,
    exempt: { farStartsFirst },
    pair: async (options) => {
      const listener = tcpServer({ port: 0, tls: server, ...options })
      const far = firstConnection(listener)
      await listener.start()
      const proxy = await tlsProxy(portOf(listener))
      return {
        near: tcpClient({ port: proxy.port, tls: client, ...options }),
        far,
        ...proxy.hooks,
        cleanup: async () => {
          await Promise.all([proxy.close(), listener.close()])
        },
      }
    },
    unreachable: async (options) => ({
      transport: tcpClient({ port: await refusedPort(), tls: client, ...options }),
    }),
    hangsUpDuringStart: (options) => clientOfServer((socket) => socket.end(), options, client),
    neverConnects: (options) => clientOfServer(() => {}, options, client),
  }
}

async function pairUnder(options: PairOptions, faults: StreamFaults): Promise<TransportPair> {
  const listener = tcpServer({ port: 0, ...options })
  const far = firstConnection(listener)
  await listener.start()
  const proxy = await tcpProxy({
    to: { port: portOf(listener), host: '127.0.0.1' },
    toServer: faults,
    toClient: faults,
  })
  return {
    near: tcpClient({ port: proxy.port, ...options }),
    far,
    ...lineHooks(proxy),
    checksStart: true,
    cleanup: async () => {
      await Promise.all([proxy.close(), listener.close()])
    },
  }
}

async function clientOfServer(
  serve: Parameters<typeof bareServer>[0],
  options: PairOptions,
  tls: TcpClientOptions['tls'],
): Promise<LoneTransport> {
  const { port, close } = await bareServer((socket) => {
    // Otherwise the socket of the server would count as a leak of the client.
    socket.resume().once('end', () => socket.destroy())
    serve(socket)
  })
  return { transport: tcpClient({ port, tls, ...options }), cleanup: close }
}
