import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ListenerSubject,
  lineHooks,
  type PairOptions,
  type StreamFaults,
  type TransportPair,
  type TransportSubject,
  tcpProxy,
  unfinishedMessage,
} from '@mcpwire/compliance'
import type { Listener, Transport } from '@mcpwire/core'
import { newFolder } from '@mcpwire/test-support/folders'
import { unixClient, unixServer } from '../../src/index.js'

/** The kind of path on which the servers of a subject listen. */
export type PathKind = 'file' | 'abstract'

let names = 0

function pathIn(folder: string, kind: PathKind): string {
  return kind === 'file' ? join(folder, 'server') : `@mcpwire-test-${process.pid}-${names++}`
}

/** `unixClient` and a connection of `unixServer`, with a proxy between them that injects faults. */
export function transportSubject(kind: PathKind, faults: StreamFaults = {}): TransportSubject {
  return {
    capabilities: { backpressure: true },
    exempt: {
      farStartsFirst: 'the far end is created when the near one connects',
      hangsUpDuringStart: 'a socket is connected before its peer can disconnect',
      cutHasReason: 'a socket with a path cannot be reset, only closed',
    },
    pair: (options) => pairThrough(kind, faults, options),
    create: (overlay) => unixClient({ path: 'nowhere', ...overlay }),
    badOptions: [
      { path: '' },
      { path: 7 },
      { path: 'a\0b' },
      { path: 'x'.repeat(200) },
      { connectTimeoutMs: 0 },
      { preamble: {} },
      { maxMessageBytes: 0 },
      { maxMessageBytes: 2048.5 },
      { maxQueuedBytes: Number.NaN },
      { closeTimeoutMs: -1 },
      { closeTimeoutMs: '2000' },
    ],
    unreachable: async (options) => {
      const { path, remove } = await newFolder()
      return { transport: unixClient({ path: join(path, 'unused'), ...options }), cleanup: remove }
    },
    neverConnects: (options) => {
      const headers = (): Promise<never> => new Promise(() => {})
      return { transport: unixClient({ path: 'nowhere', preamble: { headers }, ...options }) }
    },
  }
}

async function pairThrough(
  kind: PathKind,
  faults: StreamFaults,
  options: PairOptions,
): Promise<TransportPair> {
  const folder = await newFolder()
  const path = pathIn(folder.path, kind)
  const listener = unixServer({ path, ...options })
  const far = new Promise<Transport>((resolve) => {
    listener.onconnection = resolve
  })
  await listener.start()
  const proxyPath = join(folder.path, 'proxy')
  const to = { path: path.replace(/^@/, '\0') }
  const proxy = await tcpProxy({ to, path: proxyPath, toServer: faults, toClient: faults })
  return {
    near: unixClient({ path: proxyPath, ...options }),
    far,
    ...lineHooks(proxy),
    checksStart: true,
    cleanup: async () => {
      await proxy.close()
      await listener.close()
      const remains = existsSync(path)
      await folder.remove()
      if (remains) throw new Error('the socket file still exists')
    },
  }
}

/** `unixServer` with or without option `preamble`. */
export function listenerSubject(kind: PathKind, { preamble }: { preamble: boolean }): ListenerSubject {
  const paths = new Map<Listener, string>()
  const folders: { remove: () => Promise<void> }[] = []
  const pathOf = (listener: Listener): string => paths.get(listener) ?? ''
  return {
    exempt: {
      beyondThisHost: 'a socket with a path is not reachable from another host',
      ...(!preamble && { headers: 'there are no headers without a preamble' }),
    },
    listen: async (options) => {
      const folder = await newFolder()
      folders.push(folder)
      const path = pathIn(folder.path, kind)
      const listener = unixServer({ path, ...options, ...(preamble && { preamble: {} }) })
      paths.set(listener, path)
      return listener
    },
    connect: (listener, { headers = {} }) =>
      unixClient({
        path: pathOf(listener),
        closeTimeoutMs: 200,
        ...(preamble && { preamble: { headers: () => headers } }),
      }),
    holdBytes: async (listener, bytes) => {
      const folder = await newFolder()
      folders.push(folder)
      const path = join(folder.path, 'proxy')
      return await unfinishedMessage({
        to: { path: pathOf(listener).replace(/^@/, '\0') },
        path,
        connect: () => unixClient({ path, ...(preamble && { preamble: { headers: () => ({}) } }) }),
        bytes,
      })
    },
    sameAddress: (listener, options) => unixServer({ path: pathOf(listener), ...options }),
    cleanup: async () => {
      await Promise.all(folders.splice(0).map(({ remove }) => remove()))
    },
  }
}
