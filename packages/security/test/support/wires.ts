import { join } from 'node:path'
import type { Gate, Listener, ListenerOptions, RefusedCaller, Transport } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { unixClient, unixServer } from '@mcpwire/unix'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { onTestFinished } from 'vitest'

const authority = createAuthority('test authority')
const server = authority.issue({ name: 'server', names: ['localhost', '127.0.0.1'] })

/** Certificates of clients. */
export const certificates = {
  alice: authority.issue({ name: 'alice', organization: 'Wonderland', names: ['alice.agents.test'] }),
  mallory: authority.issue({ name: 'alice, O=Wonderland', names: ['mallory.test'] }),
}

/** What a client presents. */
export interface Credentials {
  readonly headers?: Readonly<Record<string, string>>
  readonly certificate?: (typeof certificates)['alice']
}

/** A running server, with the errors and refusals that it has reported. */
export interface Served {
  readonly listener: Listener
  readonly errors: Error[]
  readonly refused: RefusedCaller[]
  readonly connections: Transport[]
  /** A client with these credentials, closed after the test. */
  readonly client: (credentials?: Credentials) => Transport
}

/** A wire under test. */
export interface Wire {
  readonly name: 'http' | 'ws' | 'tcp' | 'unix'
  readonly hasTls: boolean
  readonly serve: (gate: Gate, options?: ListenerOptions, isSecure?: boolean) => Promise<Served>
}

const serverTls = { ...server, ca: authority.cert, clientCertificates: 'optional' } as const

function clientTls(credentials: Credentials): { tls: { ca: string } } {
  return { tls: { ca: authority.cert, ...credentials.certificate } }
}

/** Every wire of a network. The headers of clients of TCP and Unix sockets are in the preamble. */
export const wires: readonly Wire[] = [
  {
    name: 'http',
    hasTls: true,
    serve: (gate, options, isSecure) =>
      served(
        httpServer({ port: 0, gate, ...(isSecure && { tls: serverTls }), ...options }),
        ({ url }, credentials) =>
          httpClient({ url, headers: credentials.headers ?? {}, ...(isSecure && clientTls(credentials)) }),
      ),
  },
  {
    name: 'ws',
    hasTls: true,
    serve: (gate, options, isSecure) =>
      served(
        wsServer({ port: 0, gate, ...(isSecure && { tls: serverTls }), ...options }),
        ({ url }, credentials) =>
          wsClient({ url, headers: credentials.headers ?? {}, ...(isSecure && clientTls(credentials)) }),
      ),
  },
  {
    name: 'tcp',
    hasTls: true,
    serve: (gate, options, isSecure) =>
      served(
        tcpServer({ port: 0, gate, preamble: {}, ...(isSecure && { tls: serverTls }), ...options }),
        ({ url }, credentials) =>
          tcpClient({
            port: Number(new URL(url).port),
            preamble: { headers: () => credentials.headers ?? {} },
            ...(isSecure && clientTls(credentials)),
          }),
      ),
  },
  {
    name: 'unix',
    hasTls: false,
    serve: async (gate, options) => {
      const path = join(await temporaryFolder(), 'mcp.sock')
      return served(unixServer({ path, gate, preamble: {}, ...options }), (_listener, credentials) =>
        unixClient({ path, preamble: { headers: () => credentials.headers ?? {} } }),
      )
    },
  },
]

/** Starts a server whose name, as each client sees it, is the `clientId` of that client. */
async function served(
  listener: Listener,
  clientOf: (listener: Listener, credentials: Credentials) => Transport,
): Promise<Served> {
  const errors: Error[] = []
  const refused: RefusedCaller[] = []
  const connections: Transport[] = []
  listener.onerror = (error) => errors.push(error)
  listener.onrefused = (caller) => refused.push(caller)
  listener.onconnection = (connection) => {
    connections.push(connection)
    connection.onmessage = (message, context) => {
      if (!('method' in message) || !('id' in message)) return
      const name = context?.authInfo?.clientId ?? 'unidentified'
      const result =
        message.method === 'initialize'
          ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name, version: '1' } }
          : {}
      void connection.send({ jsonrpc: '2.0', id: message.id, result }).catch(() => {})
    }
    connection.start().catch(() => {})
  }
  onTestFinished(() => listener.close())
  await listener.start()
  const client = (credentials: Credentials = {}): Transport => {
    const transport = clientOf(listener, credentials)
    onTestFinished(() => transport.close())
    return transport
  }
  return { listener, errors, refused, connections, client }
}
