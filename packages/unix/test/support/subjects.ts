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
} from '@mcpwire/compliance'
import type { Listener, Transport } from '@mcpwire/core'
import { unixClient, unixServer } from '../../src/index.js'
import { newFolder } from './folder.js'

/** Where the servers of a subject listen. */
export type Place = 'file' | 'abstract'

let placesMade = 0

function placeIn(folder: string, place: Place): string {
  return place === 'file' ? join(folder, 'server') : `@mcpwire-test-${process.pid}-${placesMade++}`
}

/** `unixClient` and a connection of `unixServer`, with a proxy between them that does the harm. */
export function transportSubject(place: Place, faults: StreamFaults = {}): TransportSubject {
  return {
    capabilities: { backpressure: true },
    exempt: {
      farStartsFirst: 'the far end comes into being when the near one connects',
      hangsUpDuringStart: 'a socket is connected before its peer can hang up',
      cutHasReason: 'a socket with a path cannot be reset, only closed',
    },
    pair: (options) => pairThrough(place, faults, options),
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
      return { transport: unixClient({ path: join(path, 'nobody'), ...options }), cleanup: remove }
    },
    neverConnects: (options) => {
      const headers = (): Promise<never> => new Promise(() => {})
      return { transport: unixClient({ path: 'nowhere', preamble: { headers }, ...options }) }
    },
  }
}

async function pairThrough(place: Place, faults: StreamFaults, options: PairOptions): Promise<TransportPair> {
  const folder = await newFolder()
  const path = placeIn(folder.path, place)
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
    cleanup: async () => {
      await proxy.close()
      await listener.close()
      const isLeft = existsSync(path)
      await folder.remove()
      if (isLeft) throw new Error('the file of the socket is still there')
    },
  }
}

/** `unixServer`, expecting a preamble or none. */
export function listenerSubject(place: Place, { preamble }: { preamble: boolean }): ListenerSubject {
  const paths = new Map<Listener, string>()
  const folders: { remove: () => Promise<void> }[] = []
  const pathOf = (listener: Listener): string => paths.get(listener) ?? ''
  return {
    exempt: {
      beyondThisHost: 'sockets with a path reach nobody on another host',
      ...(!preamble && { headers: 'without a preamble there are none' }),
    },
    listen: async (options) => {
      const folder = await newFolder()
      folders.push(folder)
      const path = placeIn(folder.path, place)
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
    sameAddress: (listener, options) => unixServer({ path: pathOf(listener), ...options }),
    cleanup: async () => {
      await Promise.all(folders.splice(0).map(({ remove }) => remove()))
    },
  }
}
