import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  describeTransport,
  lineHooks,
  type PairOptions,
  type Side,
  type TransportPair,
  tcpProxy,
} from '@mcpwire/compliance'
import type { Transport } from '@mcpwire/core'
import { createTransport } from '@mcpwire/core/authoring'
import { byteStreamOptions, duplexChannel } from '@mcpwire/core/node'
import { newFolder } from '@mcpwire/test-support/folders'
import { type StdioClientTransport, stdioClient, stdioServer } from '../src/index.js'
import { osPipe } from './support/os-pipe.js'

const relay = fileURLToPath(new URL('programs/relay.mjs', import.meta.url))
const startsAtOnce = 'a child starts or fails at once: there is no pending connection'

// A real child that forwards its streams to a server in this process, through a proxy that injects faults.
describeTransport('stdioClient, and stdioServer behind its child,', {
  capabilities: { backpressure: true, toleratesStrayOutput: ['near'] },
  exempt: {
    farStartsFirst: 'the far end is created when the child has connected',
    hangsUpDuringStart: startsAtOnce,
    neverConnects: startsAtOnce,
  },
  pair: childPair,
  create: (overlay) => stdioClient({ command: process.execPath, ...overlay }),
  badOptions: [
    { command: '' },
    { command: 'a\0b' },
    { args: 'one' },
    { args: [1] },
    { args: ['a\0b'] },
    { env: 'A=1' },
    { env: { A: 1 } },
    { env: { 'A=B': '1' } },
    { inherit: 'some' },
    { cwd: '' },
    { stderr: 'overlapped' },
    { onStrayOutput: 'log' },
    { maxMessageBytes: 0 },
    { maxMessageBytes: 2048.5 },
    { maxQueuedBytes: Number.NaN },
    { closeTimeoutMs: -1 },
    { closeTimeoutMs: '2000' },
  ],
  unreachable: (options) => ({ transport: stdioClient({ command: 'no-such-program', ...options }) }),
})

describeTransport('stdioServer over pipes', {
  capabilities: { backpressure: true },
  exempt: {
    cutHasReason: 'a pipe has no reset, only an end',
    unreachable: 'the pipes exist before the process',
    hangsUpDuringStart: 'the pipes exist before the process',
    neverConnects: 'the pipes exist before the process',
  },
  pair: pipePair,
  create: (overlay) => stdioServer(overlay),
  badOptions: [
    { maxMessageBytes: -1 },
    { maxQueuedBytes: 'lots' },
    { closeTimeoutMs: Number.NaN },
    { drainMs: -1 },
    { exitGraceMs: -1 },
    { parentCheckMs: 0 },
  ],
})

async function childPair(options: PairOptions): Promise<TransportPair> {
  const folder = await newFolder()
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  const far = new Promise<Transport>((resolve) => {
    server.once('connection', (socket) => resolve(stdioServer({ ...options, stdin: socket, stdout: socket })))
  })
  const path = join(folder.path, 'server')
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const proxy = await tcpProxy({ to: { path }, path: join(folder.path, 'proxy') })
  const near = stdioClient({
    ...options,
    command: process.execPath,
    args: [relay, join(folder.path, 'proxy')],
    stderr: 'ignore',
  })
  return {
    near,
    far,
    ...lineHooks(proxy),
    cut: () => signalTo(near, 'SIGKILL'),
    stall: (side) => {
      if (side === 'near') return proxy.stall(side)
      signalTo(near, 'SIGSTOP')
      return () => signalTo(near, 'SIGCONT')
    },
    cleanup: async () => {
      await proxy.close()
      await new Promise((resolve) => server.close(resolve))
      await folder[Symbol.asyncDispose]()
    },
  }
}

function signalTo({ pid }: StdioClientTransport, signal: NodeJS.Signals): void {
  if (pid !== null) process.kill(pid, signal)
}

async function pipePair(options: PairOptions): Promise<TransportPair> {
  const folder = await newFolder()
  const towards = { near: osPipe(folder.path, 'near'), far: osPipe(folder.path, 'far') }
  const settings = byteStreamOptions.select(options)
  const streams = { readable: towards.near.readable, writable: towards.far.writable }
  const near = createTransport(
    {
      connectsOnce: true,
      connect: async (sink, signal) => {
        signal.throwIfAborted()
        return duplexChannel(streams, sink, { ...settings, peer: { medium: 'pipe', address: 'pipe:' } })
      },
    },
    settings,
  )
  const far = stdioServer({
    ...options,
    stdin: towards.far.readable,
    stdout: towards.near.writable,
  })
  const all = [towards.near, towards.far].flatMap((pipe) => [pipe.readable, pipe.writable])
  return {
    near,
    far,
    sendRaw: (to, piece) => void towards[to].writable.write(`${piece}\n`),
    sendRawBytes: (to, piece) => {
      towards[to].writable.write(piece)
      towards[to].writable.write('\n')
    },
    sendUnfinished: (to, start) => void towards[to].writable.write(start),
    cut: () => {
      for (const { writable } of [towards.near, towards.far]) writable.destroy()
    },
    stall: (side: Side) => {
      towards[side].readable.pause()
      return () => void towards[side].readable.resume()
    },
    cleanup: async () => {
      for (const stream of all) stream.destroy()
      await folder[Symbol.asyncDispose]()
    },
  }
}
