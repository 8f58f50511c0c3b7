import { TransportError } from '../contract/errors.js'
import type { Incoming, Listener } from '../contract/listener.js'
import { invalidOption, type KnownOptions, requireKnownOptions, resolveOptions } from '../contract/options.js'
import type { Transport } from '../contract/transport.js'
import {
  createListener,
  knownListenerOptions,
  type ListenerOptions,
  listenerDefaults,
} from '../listener/create-listener.js'
import { refusalError } from '../listener/refusal.js'
import { createTransport } from '../transport/create-transport.js'
import {
  type MemoryLimits,
  type MemoryPairOptions,
  memoryConnectors,
  memoryPairDefaults,
  requireMemoryLimits,
} from './memory.js'

/** Options of a listener in memory. */
export interface MemoryListenerOptions extends ListenerOptions, MemoryPairOptions {}

/** Options of a client of a listener in memory. */
export interface MemoryClientOptions extends MemoryPairOptions {
  /** The listener to connect to. */
  listener: Listener
  /**
   * What the listener's gate is shown as the caller's headers, by lower-case name.
   * @defaultValue {}
   */
  headers?: Readonly<Record<string, string>> | undefined
}

/** What `memoryClient` uses for options that are not given. */
export const memoryClientDefaults: {
  readonly headers: Readonly<Record<string, string>>
} & typeof memoryPairDefaults = {
  headers: {},
  ...memoryPairDefaults,
}

const knownOptions: KnownOptions<MemoryListenerOptions> = { ...knownListenerOptions, ...memoryPairDefaults }
const knownClientOptions: KnownOptions<MemoryClientOptions> = { ...memoryClientDefaults, listener: 1 }

type Offer = (incoming: Incoming) => void

/** Where to take a caller, and what its listener is bounded by. */
interface MemoryDoor {
  readonly offer: Offer
  readonly limits: MemoryLimits
}

const doors = new WeakMap<Listener, () => MemoryDoor | undefined>()
let listenersMade = 0

/**
 * A listener that takes connections from this process only. Without a gate it admits everybody who holds it.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function memoryListener(options: MemoryListenerOptions = {}): Listener {
  requireKnownOptions(options, knownOptions)
  const limits = resolveOptions({ ...memoryPairDefaults, ...listenerDefaults }, options)
  requireMemoryLimits(limits)
  const address = `memory:${++listenersMade}`
  let door: MemoryDoor | undefined
  const listener = createListener(
    {
      bindsBeyondThisHost: false,
      listen: async ({ connection }) => {
        door = { offer: connection, limits }
        return {
          address,
          close: async () => {
            door = undefined
          },
        }
      },
    },
    limits,
  )
  doors.set(listener, () => door)
  return listener
}

/**
 * A transport to a listener in memory. `start()` rejects with `REFUSED` or `AUTH_REQUIRED` when the listener's
 * gate does not admit it, and with `CONNECT_FAILED` when nobody listens.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function memoryClient(options: MemoryClientOptions): Transport {
  requireKnownOptions(options, knownClientOptions)
  const settings = resolveOptions(memoryClientDefaults, options)
  requireMemoryLimits(settings)
  const doorOf = doors.get(settings.listener)
  if (!doorOf) invalidOption('listener', settings.listener, 'a listener made by memoryListener()')
  return createTransport(
    {
      connect: async (sink, signal) => {
        signal.throwIfAborted()
        const address = settings.listener.address ?? 'memory'
        const door = doorOf()
        if (!door) throw new TransportError('CONNECT_FAILED', `nobody listens on ${address}`, { address })
        const [near, far] = memoryConnectors(
          { address: 'memory:client', limits: settings },
          { address, limits: door.limits },
        )
        await admission(door.offer, far, settings.headers, address, signal)
        return await near.connect(sink, signal)
      },
    },
    settings,
  )
}

/** Resolves when the listener starts to serve the caller. */
function admission(
  offer: Offer,
  connector: Incoming['connector'],
  headers: Readonly<Record<string, string>>,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const settled = (settle: () => void) => (): void => {
      signal.removeEventListener('abort', abort)
      settle()
    }
    const served = settled(resolve)
    offer({
      handshake: { medium: 'memory', remote: {}, headers },
      connector: {
        ...connector,
        connect: async (sink, farSignal) => {
          if (signal.aborted) {
            throw new TransportError('PEER_LOST', 'the caller hung up before it was served', {
              address: 'memory:client',
            })
          }
          const channel = await connector.connect(sink, farSignal)
          served()
          return channel
        },
      },
      refuse: (refusal) => settled(() => reject(refusalError(address, refusal)))(),
    })
  })
}
