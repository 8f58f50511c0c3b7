import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, type Transport, TransportError } from '@mcpwire/core'
import { type Connector, createTransport } from '@mcpwire/core/authoring'
import { byteStreamOptions, duplexChannel, inspectServerStart } from '@mcpwire/core/node'
import { describeTransport, lineHooks, type PairOptions, type TransportPair, tcpProxy } from '../src/index.js'

const noHandshake = 'a socket without TLS is connected before its peer can disconnect'

for (const medium of ['tcp', 'unix'] as const) {
  describeTransport(`a byte stream over ${medium} sockets`, {
    capabilities: { backpressure: true },
    exempt: {
      create: 'the channel alone has no factory; tcp and unix run this case',
      farStartsFirst: 'the far end is created when the near end connects',
      hangsUpDuringStart: noHandshake,
      ...(medium === 'unix' && { cutHasReason: 'a socket with a path cannot be reset, only closed' }),
    },
    pair: (options) => socketPair(medium, options),
    unreachable: async (options) => {
      const folder = await mkdtemp(join(tmpdir(), 'mcpwire-'))
      const transport = socketTransport(() => connect({ path: join(folder, 'unused') }), options)
      return { transport, cleanup: () => rm(folder, { recursive: true }) }
    },
    neverConnects: (options) => ({ transport: createTransport(unanswered(options), options) }),
  })
}

async function socketPair(medium: 'tcp' | 'unix', options: PairOptions): Promise<TransportPair> {
  const folder = await mkdtemp(join(tmpdir(), 'mcpwire-'))
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  const far = new Promise<Transport>((resolve) => {
    server.once('connection', (socket) => resolve(socketTransport(() => socket, options)))
  })
  const address = await listen(server, medium === 'unix' ? join(folder, 'server') : undefined)
  const path = medium === 'unix' ? join(folder, 'proxy') : undefined
  const proxy = await tcpProxy({ to: address, ...(path !== undefined && { path }) })
  const target = path === undefined ? { port: proxy.port, host: '127.0.0.1' } : { path }
  return {
    near: socketTransport(() => connect({ ...target, allowHalfOpen: true }), options),
    far,
    ...lineHooks(proxy),
    checksStart: true,
    cleanup: async () => {
      await proxy.close()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true })
    },
  }
}

function socketTransport(open: () => Socket, options: PairOptions): Transport {
  const settings = byteStreamOptions.select(options)
  const connector: Connector = {
    connect: async (sink, signal) => {
      signal.throwIfAborted()
      const socket = open()
      await connected(socket, signal)
      socket.resume()
      const peer = { medium: 'socket', address: 'socket' }
      return duplexChannel(socket, sink, { ...settings, peer, inspectStart: inspectServerStart })
    },
  }
  return createTransport(connector, options)
}

/** A connector with a deadline, whose peer does not answer. */
function unanswered({ clock = systemClock }: PairOptions): Connector {
  return {
    connect: async (_sink, signal) => {
      await clock.sleep(10_000, signal)
      throw new TransportError('CONNECT_FAILED', 'cannot connect: no response', { address: 'socket' })
    },
  }
}

function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', (cause) => {
      reject(new TransportError('CONNECT_FAILED', 'cannot connect', { address: 'socket' }, { cause }))
    })
    signal.addEventListener('abort', () => socket.destroy(), { once: true })
    if (socket.connecting) socket.once('connect', () => resolve())
    else resolve()
  })
}

function listen(server: Server, path: string | undefined): Promise<NetConnectOpts> {
  return new Promise((resolve) => {
    server.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path }, () => {
      const address = server.address()
      if (typeof address === 'string') resolve({ path: address })
      else resolve({ port: address?.port ?? 0, host: '127.0.0.1' })
    })
  })
}
