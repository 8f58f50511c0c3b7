import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { Agent, ProxyAgent, fetch as undiciFetch } from 'undici'
import type { CreateEngine, EngineSettings, Fetch } from '../../src/engines/engine.js'
import { createEngine as createNodeEngine } from '../../src/engines/node/engine.js'
import { createEngine as createWebEngine } from '../../src/engines/web/engine.js'
import { openTunnel } from './engine-tunnel.js'

const authority = createAuthority('tests')
const otherAuthority = createAuthority('strangers')

/** Certificates of this host and of clients, and their authority. */
export const credentials = {
  server: authority.issue({ name: 'server', names: ['localhost', '127.0.0.1'] }),
  elsewhere: authority.issue({ name: 'elsewhere', names: ['elsewhere.test'] }),
  client: authority.issue({ name: 'alice' }),
  renewed: authority.issue({ name: 'alice renewed' }),
  stranger: otherAuthority.issue({ name: 'mallory' }),
  ca: authority.cert,
}

/** One engine, as a user configures it. */
export interface EngineKind {
  readonly name: string
  readonly create: CreateEngine
  /** The options of a client that select it, where those below do not. */
  readonly chosenBy?: Partial<EngineSettings>
  /** Whether it reuses a free socket before it opens another one. A fetch decides for itself. */
  readonly reusesSockets: boolean
  /** Whether it closes its sockets. Those of a fetch or an agent are not its own. */
  readonly ownsSockets: boolean
  /** For a server on this host. */
  readonly plain: () => Partial<EngineSettings>
  /** Options for a client certificate, or options that it rejects. */
  readonly mutualTls:
    | { readonly with: () => Partial<EngineSettings> }
    | { readonly refused: Partial<EngineSettings> }
  /** Options for a proxy on a port, or options that it rejects. */
  readonly proxied:
    | { readonly with: (proxyPort: number) => Partial<EngineSettings> }
    | { readonly refused: Partial<EngineSettings> }
}

const { client, ca } = credentials
const tls = { ...client, ca }

/** All engines. */
export const engineKinds: readonly EngineKind[] = [
  {
    name: 'undici',
    ownsSockets: true,
    reusesSockets: true,
    create: createNodeEngine,
    plain: () => ({}),
    mutualTls: { with: () => ({ tls }) },
    proxied: { with: (port) => ({ proxy: `http://127.0.0.1:${port}`, tls }) },
  },
  {
    name: 'node-fetch with an agent',
    ownsSockets: false,
    reusesSockets: true,
    create: createNodeEngine,
    plain: () => ({ agent: new HttpAgent({ keepAlive: true }) }),
    mutualTls: { with: () => ({ agent: new HttpsAgent(tls) }) },
    proxied: { with: (port) => ({ agent: tunnelAgent(port) }) },
  },
  {
    name: 'a fetch that was given',
    ownsSockets: false,
    reusesSockets: true,
    create: createNodeEngine,
    plain: () => ({ fetch: dispatching(new Agent()) }),
    mutualTls: { with: () => ({ fetch: dispatching(new Agent({ connect: tls })) }) },
    proxied: {
      with: (port) => ({
        fetch: dispatching(new ProxyAgent({ uri: `http://127.0.0.1:${port}`, requestTls: tls })),
      }),
    },
  },
  {
    name: 'the fetch of the platform',
    ownsSockets: false,
    reusesSockets: false,
    create: createWebEngine,
    chosenBy: { fetch: (url, init) => globalThis.fetch(url, init) },
    plain: () => ({}),
    mutualTls: { refused: { tls } },
    proxied: { refused: { proxy: 'http://127.0.0.1:1' } },
  },
]

function dispatching(dispatcher: Agent | ProxyAgent): Fetch {
  return ((url: URL, init: object) => undiciFetch(url, { ...init, dispatcher })) as unknown as Fetch
}

/** An agent that connects through a proxy. */
function tunnelAgent(proxyPort: number): HttpsAgent {
  const agent = new HttpsAgent(tls)
  agent.createConnection = ((
    { host, port }: { host: string; port: number },
    done: (error: Error | null, socket?: Socket) => void,
  ) => {
    openTunnel(proxyPort, `${host}:${port}`).then(
      (socket) => done(null, connectTls({ ...tls, socket })),
      (error) => done(error),
    )
  }) as never
  return agent
}
