import { TransportError } from '../contract/errors.js'
import type { Incoming, Listener } from '../contract/listener.js'
import { rule } from '../contract/option-rules.js'
import { type OptionDefaults, options } from '../contract/option-table.js'
import { invalidOption } from '../contract/options.js'
import type { Transport } from '../contract/transport.js'
import {
  createListener,
  type ListenerOptions,
  listenerOptions,
  type OptionalListenerOptions,
} from '../listener/create-listener.js'
import { refusalError } from '../listener/refusal.js'
import { createTransport } from '../transport/create-transport.js'
import { type MemoryLimits, type MemoryPairOptions, memoryConnectors, memoryPairOptions } from './memory.js'

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

const listenerTable = options<MemoryListenerOptions, OptionalListenerOptions>({
  ...memoryPairOptions.rules,
  ...listenerOptions.rules,
})

const clientTable = options<MemoryClientOptions>({
  ...memoryPairOptions.rules,
  listener: rule((option, value) => {
    if (!doors.has(value as Listener)) invalidOption(option, value, 'a listener made by memoryListener()')
  }),
  headers: rule((option, value) => {
    if (typeof value !== 'object') invalidOption(option, value, 'an object')
  }, {}),
})

/** What `memoryClient` uses for options that are not given. */
export const memoryClientDefaults: OptionDefaults<MemoryClientOptions> = clientTable.defaults

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
export function memoryListener(given: MemoryListenerOptions = {}): Listener {
  const limits = listenerTable.read(given)
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
export function memoryClient(given: MemoryClientOptions): Transport {
  const settings = clientTable.read(given)
  return createTransport(
    {
      connect: async (sink, signal) => {
        signal.throwIfAborted()
        const address = settings.listener.address ?? 'memory'
        const door = doors.get(settings.listener)?.()
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
