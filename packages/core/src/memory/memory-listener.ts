import type { ByteBudget } from '../contract/byte-budget.js'
import { TransportError } from '../contract/errors.js'
import { type Handshake, isRefusal } from '../contract/gate.js'
import { normalizeHeaders } from '../contract/http-headers.js'
import type { Incoming, Listener } from '../contract/listener.js'
import { matching, rule } from '../contract/option-rules.js'
import { defaultsOf, type OptionDefaults, options } from '../contract/option-table.js'
import { rejectOption } from '../contract/options.js'
import type { Transport } from '../contract/transport.js'
import { createListener } from '../listener/create-listener.js'
import {
  type ListenerOptions,
  listenerOptions,
  type OptionalListenerOptions,
} from '../listener/listener-options.js'
import { refusalError } from '../listener/refusal.js'
import { refusedCaller } from '../listener/refused-callers.js'
import { onAbort } from '../timing/promises.js'
import { createTransport } from '../transport/create-transport.js'
import { type MemoryLimits, type MemoryPairOptions, memoryConnectors, memoryPairOptions } from './memory.js'

/** Options of a listener in memory. */
export interface MemoryListenerOptions extends ListenerOptions, MemoryPairOptions {}

/** Options of a client of a listener in memory. */
export interface MemoryClientOptions extends MemoryPairOptions {
  /** The listener to connect to. */
  listener: Listener
  /**
   * Headers of the handshake, for the gate of the listener. It receives them by lower-case name.
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
  listener: matching((value) => bindings.has(value as Listener), 'a listener made by memoryListener()'),
  headers: rule(requireHeaders, {}),
})

/** The defaults of `memoryClient`. */
export const memoryClientDefaults: OptionDefaults<MemoryClientOptions> =
  /* @__PURE__ */ defaultsOf(clientTable)

/** Its errors contain no values: they may be credentials. */
function requireHeaders(option: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    rejectOption(option, 'an object of strings')
  const wrong = Object.entries(value).find(([, each]) => typeof each !== 'string')
  if (wrong) rejectOption(option, `an object of strings; ${JSON.stringify(wrong[0])} is none`)
}

type Offer = (incoming: Incoming) => void

/** The open end of a listener, and its limits. */
interface MemoryBinding {
  readonly offer: Offer
  readonly budget: ByteBudget
  readonly limits: MemoryLimits
}

const bindings = new WeakMap<Listener, () => MemoryBinding | undefined>()
let listenerCount = 0

/**
 * Makes a listener for clients in this process. Without a gate it admits each client.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const listener = await serve(memoryListener(), (connection) => newServer().connect(connection))
 * await client.connect(memoryClient({ listener }))
 * ```
 */
export function memoryListener(given: MemoryListenerOptions = {}): Listener {
  const limits = listenerTable.read(given)
  const address = `memory:${++listenerCount}`
  let binding: MemoryBinding | undefined
  const listener = createListener(
    {
      bindsBeyondThisHost: false,
      listen: async ({ connection, resolve, refused, budget }) => {
        const offer = (incoming: Incoming): void => {
          const { handshake: sent } = incoming
          const handshake = resolve ? resolve(sent) : sent
          if (isRefusal(handshake)) {
            incoming.refuse(handshake)
            refused(refusedCaller(sent, { ...handshake, address: 'memory:client' }))
          } else connection(withCaller(incoming, handshake))
        }
        binding = { offer, budget, limits }
        return {
          address,
          close: async () => {
            binding = undefined
          },
        }
      },
    },
    limits,
  )
  bindings.set(listener, () => binding)
  return listener
}

/** The caller as `resolveCaller` found it: its address is that of the peer, where it has one. */
function withCaller(incoming: Incoming, handshake: Handshake): Incoming {
  const { connector } = incoming
  const { address } = handshake.remote
  if (address === undefined) return { ...incoming, handshake }
  const peer = Object.freeze({ medium: 'memory', address })
  return {
    ...incoming,
    handshake,
    connector: {
      ...connector,
      peer,
      connect: async (sink, signal) => ({ ...(await connector.connect(sink, signal)), peer }),
    },
  }
}

/**
 * Makes a transport to a memory listener. `start()` rejects with `REFUSED` or `AUTH_REQUIRED` when the gate does not admit
 * it, and with `CONNECT_FAILED` when the listener is not open.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const transport = memoryClient({ listener, headers: { authorization: 'Bearer t0ken' } })
 * ```
 */
export function memoryClient(given: MemoryClientOptions): Transport {
  const settings = clientTable.read(given)
  const headers = normalizeHeaders(settings.headers)
  return createTransport(
    {
      connect: async (sink, signal) => {
        signal.throwIfAborted()
        const address = settings.listener.address ?? 'memory'
        const binding = bindings.get(settings.listener)?.()
        if (!binding) {
          const message = `connection refused: nothing listens on ${address}`
          throw new TransportError('CONNECT_FAILED', message, { address })
        }
        const [near, far] = memoryConnectors(
          { address: 'memory:client', limits: settings },
          { address, limits: binding.limits },
          binding.budget,
        )
        await admitted(binding.offer, far, headers, address, signal)
        return await near.connect(sink, signal)
      },
    },
    settings,
  )
}

/** Resolves when the listener starts the connection. */
function admitted(
  offer: Offer,
  connector: Incoming['connector'],
  headers: Readonly<Record<string, string>>,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const unsubscribe = onAbort(signal, () => reject(signal.reason))
    offer({
      handshake: { medium: 'memory', scheme: 'memory', remote: {}, headers },
      connector: {
        ...connector,
        connect: async (sink, farSignal) => {
          if (signal.aborted) {
            const message = 'memory:client closed the connection before it was started'
            throw new TransportError('PEER_LOST', message, { address: 'memory:client' })
          }
          const channel = await connector.connect(sink, farSignal)
          unsubscribe()
          resolve()
          return channel
        },
      },
      refuse: (refusal) => {
        unsubscribe()
        reject(refusalError(address, refusal))
      },
    })
  })
}
