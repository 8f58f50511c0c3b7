import type { ClientRequest } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '@mcpwire/core'

/** What agents have that node:http asks for connections. */
interface AskedAgent {
  addRequest(request: ClientRequest, ...rest: unknown[]): void
  /** Those that wait for a socket to be free, in agents such as Node's own. */
  readonly requests?: Readonly<Record<string, readonly ClientRequest[] | undefined>>
}

/** How long a connection may take, and what a request fails of where it takes longer. */
export interface ConnectingLimit {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly late: () => Error
}

/** The agent, with a limit on how long each connection takes that it makes for a request. */
export function connectingInTime(agent: object, limit: ConnectingLimit): object {
  const asked = agent as AskedAgent
  const addRequest = (request: ClientRequest, ...rest: unknown[]): void => {
    asked.addRequest(request, ...rest)
    const isQueued = Object.values(asked.requests ?? {}).some((queue) => queue?.includes(request))
    watch(request, isQueued, limit)
  }
  return new Proxy(agent, {
    // Getters of the agent may use private members, which a proxy has not.
    get: (target, name) => (name === 'addRequest' ? addRequest : Reflect.get(target, name, target)),
  })
}

/** One that waits for the socket of another connects to nobody meanwhile. */
function watch(request: ClientRequest, isQueued: boolean, { clock, timeoutMs, late }: ConnectingLimit): void {
  const begin = (): Disposable => clock.deadline(timeoutMs, () => void request.destroy(late()))
  let deadline = isQueued ? undefined : begin()
  const done = (): void => deadline?.[Symbol.dispose]()
  request.once('close', done)
  // Nobody asked for another protocol. Without a listener the request would never end; with one, the socket is its.
  request.once('upgrade', (_answer, socket) => {
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
