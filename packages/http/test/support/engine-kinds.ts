import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Agent, ProxyAgent, fetch as undiciFetch } from 'undici'
import { createAuthority } from '../../../../tooling/certificates.js'
import type { CreateEngine, EngineSettings, Fetch } from '../../src/engines/engine.js'
import { createEngine as createNodeEngine } from '../../src/engines/node/engine.js'
import { createEngine as createWebEngine } from '../../src/engines/web/engine.js'
import { openTunnel } from './engine-tunnel.js'

const authority = createAuthority('tests')
const strangers = createAuthority('strangers')

/** A certificate for this host, who to trust for it, and certificates of callers. */
export const credentials = {
  server: authority.issue({ name: 'server', names: ['localhost', '127.0.0.1'] }),
  elsewhere: authority.issue({ name: 'elsewhere', names: ['elsewhere.test'] }),
  client: authority.issue({ name: 'alice' }),
  renewed: authority.issue({ name: 'alice renewed' }),
  stranger: strangers.issue({ name: 'mallory' }),
  ca: authority.cert,
}

/** One way to carry requests, as a user sets it up. */
export interface EngineKind {
  readonly name: string
  readonly create: CreateEngine
  /** The options of a client that choose it, where those below do not. */
  readonly chosenBy?: Partial<EngineSettings>
  /** Whether a socket that was used is used again before another one is opened; a fetch may do as it likes. */
  readonly reusesSockets: boolean
  /** Whether its sockets are closed with it; those of a fetch or an agent belong to whoever made that. */
  readonly ownsSockets: boolean
  /** For a server on this host. */
  readonly plain: () => Partial<EngineSettings>
  /** What shows a client certificate, or the options that are refused since nothing here can. */
  readonly mutualTls:
    | { readonly with: () => Partial<EngineSettings> }
    | { readonly refused: Partial<EngineSettings> }
  /** What goes through a proxy on a port, or the options that are refused. */
  readonly proxied:
    | { readonly with: (proxyPort: number) => Partial<EngineSettings> }
    | { readonly refused: Partial<EngineSettings> }
}

const { client, ca } = credentials
const tls = { ...client, ca }

/** Every way. */
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

/** An agent such as those of npm that know proxies. */
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
