import type { ClientRequest } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '@mcpwire/core'
import { afterTurn } from '../../shared/node/turn.js'
import { type Engine, type EngineSettings, type Fetch, refuseOption } from '../engine.js'
import { webFetchEngine } from '../web-fetch.js'
import { connectTimeout, describeConnectionError } from './socket-connector.js'

/** The part of node-fetch that is used. Its own types would make it a dependency of ours. */
interface NodeFetchModule {
  readonly default: (url: URL, init: object) => Promise<unknown>
}

/** An engine on node-fetch, whose connections an agent of Node makes. Loads node-fetch when it is first used. */
export function nodeFetchEngine(
  { agent: given, maxSockets, ...settings }: EngineSettings,
  load: () => Promise<unknown> = () => import('node-fetch'),
): Engine {
  const { address, clock, connectTimeoutMs: timeoutMs } = settings
  const timeout = (): Error => connectTimeout(address, timeoutMs)
  const agent = withConnectTimeout(given as object, { clock, timeoutMs, timeout })
  let loading: Promise<NodeFetchModule> | undefined
  const loaded = (): Promise<NodeFetchModule> => (loading ??= load() as Promise<NodeFetchModule>)
  const fetch = async (url: URL, init: RequestInit): Promise<unknown> => {
    const { default: nodeFetch } = await loaded()
    // The body of a request that was aborted meanwhile would raise an unhandled error.
    init.signal?.throwIfAborted()
    try {
      // Without compression, as in the other engines.
      return await nodeFetch(url, { ...init, agent, compress: false })
    } catch (cause) {
      throw (cause as { code?: unknown }).code === 'CONNECT_TIMEOUT' ? timeout() : withoutUrl(cause)
    }
  }
  return {
    ...webFetchEngine({
      fetch: fetch as Fetch,
      maxSockets,
      describeError: describeConnectionError,
      opening: { address, clock, connectTimeoutMs: timeoutMs, connectingMs: timeoutMs },
      afterTurn,
    }),
    decodesContent: false,
    prepare: async () => {
      try {
        await loaded()
      } catch (cause) {
        refuseOption('agent', 'requires the package node-fetch: npm install node-fetch', cause)
      }
    },
  }
}

/** node-fetch shows the whole URL, whose query may hold a secret. */
function withoutUrl(cause: unknown): unknown {
  const {
    message,
    code,
    erroredSysCall: syscall,
  } = cause as NodeJS.ErrnoException & { erroredSysCall?: string }
  const [, reason] = /^request to \S+ failed, reason: ?(.*)$/s.exec(message) ?? []
  return reason === undefined ? cause : Object.assign(new Error(reason), { code, syscall })
}

/** The members of an agent that node:http uses to connect. */
interface ConnectingAgent {
  addRequest(request: ClientRequest, ...rest: unknown[]): void
  /** The requests that wait for a free socket, in agents such as Node's own. */
  readonly requests?: Readonly<Record<string, readonly ClientRequest[] | undefined>>
}

interface ConnectLimit {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly timeout: () => Error
}

/** The agent, with a limit on how long each of its connections takes to open. */
function withConnectTimeout(agent: object, limit: ConnectLimit): object {
  const connecting = agent as ConnectingAgent
  const addRequest = (request: ClientRequest, ...rest: unknown[]): void => {
    connecting.addRequest(request, ...rest)
    const isQueued = Object.values(connecting.requests ?? {}).some((queue) => queue?.includes(request))
    limitConnecting(request, isQueued, limit)
  }
  return new Proxy(agent, {
    // The agent is the receiver: its getters may use private members, which a proxy lacks.
    get: (target, name) => (name === 'addRequest' ? addRequest : Reflect.get(target, name, target)),
  })
}

/** A queued request opens no connection until it has a socket. */
function limitConnecting(
  request: ClientRequest,
  isQueued: boolean,
  { clock, timeoutMs, timeout }: ConnectLimit,
): void {
  const begin = (): Disposable => clock.deadline(timeoutMs, () => void request.destroy(timeout()))
  let deadline = isQueued ? undefined : begin()
  const done = (): void => deadline?.[Symbol.dispose]()
  request.once('close', done)
  // Without a listener, the request would never end; with one, the listener owns the socket.
  request.once('upgrade', (_response, socket) => {
    socket.on('error', () => {}).destroy()
    request.emit('error', new Error('the server switched to another protocol (status 101)'))
  })
  request.once('socket', (socket) => {
    const isSecuring = (socket as TLSSocket & { readonly secureConnecting?: boolean }).secureConnecting
    if (!isSecuring && !socket.connecting) {
      done()
      return
    }
    deadline ??= begin()
    socket.once(isSecuring ? 'secureConnect' : 'connect', done)
  })
}
