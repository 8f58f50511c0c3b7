import {
  type Gate,
  isTransportError,
  type Listener,
  type Pipe,
  pipe,
  serve,
  type Transport,
} from '@mcpwire/core'
import type { TlsServerOptions } from '@mcpwire/core/node'
import { allOrigins, originOf } from './allowed-origins.js'
import { endpoint, isSecure, listenerAt } from './endpoint.js'
import { createPlaces, type Places } from './places.js'
import { say, tellError } from './report.js'
import { onFirstSignal } from './signals.js'
import { onceEach, told, watched } from './telling.js'
import { UsageError } from './usage-error.js'
import type { Endpoint, EndpointOptions } from './wire.js'
import { complaintAbout } from './words.js'

const NAME = 'mcpwire bridge'

/** What a bridge that others connect to needs to know. */
export interface ListenBridgeOptions {
  /** Where callers are awaited. */
  readonly urls: readonly string[]
  /** How many callers there may be at once, at all URLs together. */
  readonly maxConnections: number
  /** How long requests in flight may take once the bridge is to end, in milliseconds. */
  readonly drainMs: number
  /** Whether callers from other hosts are admitted. */
  readonly allowRemote: boolean
  /** Where pages may be from besides this host. */
  readonly allowOrigins: readonly string[]
  /** What URLs of secure wires show and accept. */
  readonly tls: TlsServerOptions
  readonly server: EndpointOptions & { readonly maxMessageBytes: number; readonly closeTimeoutMs: number }
  /** Whether to tell of more than what goes wrong. */
  readonly verbose: boolean
}

/** A URL, and who listens there. */
interface OpenListener {
  readonly url: string
  readonly listener: Listener
}

/**
 * Gives each caller at any of the URLs a conversation with the server that is its own: a process of its own where
 * the server is a command. Resolves once a signal, or the end of a listener, has ended them all, with the exit code:
 * 0 in order, 1 otherwise.
 *
 * Rejects with `UsageError` or `INVALID_OPTION` where an option cannot work.
 */
export async function listenBridge(target: Endpoint, options: ListenBridgeOptions): Promise<number> {
  // Opens nothing, but says what cannot work before anybody calls.
  await endpoint(target, options.server)
  const places = createPlaces(options.maxConnections, (error) => tellError(NAME, error, 'caller'))
  const listeners: OpenListener[] = []
  for (const url of options.urls) listeners.push({ url, listener: await listenerFor(url, options, places) })
  const conversations = new Conversations(target, options, places)
  let isToEnd = false
  const end = async (drainMs: number): Promise<void> => {
    isToEnd = true
    await Promise.all(listeners.map(({ listener }) => listener.close({ drainMs })))
    await conversations.over()
  }
  onFirstSignal(NAME, () => void end(options.drainMs))
  try {
    for (const door of listeners) await open(door, conversations)
  } catch (error) {
    const wasToEnd = isToEnd
    await end(0)
    if (error instanceof UsageError) throw error
    return wasToEnd ? 0 : 1
  }
  for (const { listener } of listeners) say(NAME, `listening on ${listener.address}`)
  const reason = await Promise.race(listeners.map(({ listener }) => listener.closed))
  await end(options.drainMs)
  return reason ? 1 : 0
}

async function listenerFor(url: string, options: ListenBridgeOptions, places: Places): Promise<Listener> {
  const { tls, maxConnections, server } = options
  const { maxMessageBytes, closeTimeoutMs } = server
  const origins = originsIn(options)
  const gate: Gate | undefined = options.allowRemote ? allOrigins(origins, () => listener.address) : undefined
  const settings = { gate, sessionPolicy: places.policy, maxConnections, maxMessageBytes, closeTimeoutMs }
  const listener: Listener = await explained(url, () =>
    listenerAt(url, {
      ...settings,
      ...(isSecure(url) && { tls }),
      ...(hasPages(url) && { origins }),
    }),
  )
  return listener
}

/** Whether pages call there by requests, which browsers let them read only where they are told so. */
function hasPages(url: string): boolean {
  return /^https?:/i.test(url)
}

function originsIn({ allowOrigins }: ListenBridgeOptions): string[] {
  return allowOrigins.map((text) => {
    const origin = originOf(text)
    if (origin !== undefined) return origin
    throw new UsageError(`--allow-origin ${text} must be where a page is from, such as https://app.example`)
  })
}

/** Starts a listener. What it rejects with it has also told, unless that is a matter of the command line. */
async function open({ url, listener }: OpenListener, conversations: Conversations): Promise<void> {
  listener.onerror = (error) => {
    if (!isTransportError(error, 'INVALID_OPTION')) tellError(NAME, error, 'caller')
  }
  await explained(url, () => serve(listener, (caller) => conversations.begin(caller)))
}

/** What cannot work about a URL, in words of the command line. */
async function explained<T>(url: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (!isTransportError(error, 'INVALID_OPTION')) throw error
    throw new UsageError(`--listen ${url}: ${complaintAbout(error, 'caller')}`)
  }
}

/** Those that are going on. */
class Conversations {
  readonly #target: Endpoint
  readonly #options: ListenBridgeOptions
  readonly #places: Places
  readonly #current = new Set<Pipe>()
  #begun = 0

  constructor(target: Endpoint, options: ListenBridgeOptions, places: Places) {
    this.#target = target
    this.#options = options
    this.#places = places
  }

  /** Joins a caller to a server of its own. What comes of it is told. */
  async begin(caller: Transport): Promise<void> {
    const { server: settings, verbose } = this.#options
    const name = `${NAME} #${++this.#begun}`
    const server = await endpoint(this.#target, settings)
    // Such as by a signal meanwhile.
    if (caller.state !== 'idle') return
    const tell = onceEach((error: Error, side: 'a' | 'b') =>
      tellError(name, error, side === 'a' ? 'caller' : 'server'),
    )
    const { transport } = watched(server, (error) => tell(error, 'b'))
    const conversation = pipe(caller, verbose ? told(transport, name) : transport, {
      onError: tell,
      drainTimeoutMs: settings.closeTimeoutMs,
    })
    this.#current.add(conversation)
    void caller.closed.then(() => this.#places.keepUntil(conversation.closed))
    void conversation.closed.then(() => this.#current.delete(conversation))
  }

  /** Resolves once all have ended, their servers too. */
  async over(): Promise<void> {
    await Promise.all([...this.#current].map(({ closed }) => closed))
  }
}
