// The message for each mistake of a newcomer. Each situation is real, and each text names what is wrong and what to do.
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { localOnly, type Transport } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { unixClient } from '@mcpwire/unix'
import { Client } from '@modelcontextprotocol/client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { result, serverCommand } from './support/bin.js'
import { certificate, folder, listening } from './support/listening.js'

vi.setConfig({ testTimeout: 120_000 })

const raw = serverCommand('raw-server')

/** Runs the command line, and returns what it prints. */
async function printed(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
  return (await result(argv, environment)).text
}

/** The message of the error that connect() of the SDK throws. */
async function thrown(transport: Transport): Promise<string> {
  onTestFinished(() => transport.close())
  const client = new Client({ name: 'newcomer', version: '1' })
  return await client.connect(transport, { timeout: 60_000 }).then(
    () => 'it connected',
    (error: Error) => error.message,
  )
}

function thrownBy(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was thrown'
}

async function site(handler: RequestListener): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const responding =
  (status: number, type: string, body: string): RequestListener =>
  (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': type }).end(body)
  }

/** A port that accepts connections and never sends a byte. */
async function silentPort(): Promise<number> {
  const server = createTcpServer((socket) => void socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

function script(text: string, mode = 0o755): string {
  const path = join(folder(), 'server')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

/** Each situation, its text, and what the text has to name: what is wrong, and what to do. */
const situations: readonly [
  name: string,
  text: () => Promise<string> | string,
  ...named: (string | RegExp)[],
][] = [
  [
    'a login page instead of MCP',
    async () =>
      await thrown(
        httpClient({ url: `${await site(responding(200, 'text/html', '<title>Sign in</title>'))}/mcp` }),
      ),
    'status 200',
    'text/html',
    'Sign in',
    'option "url"',
  ],
  [
    'probe of a program that echoes',
    () => printed(['probe', '--', 'cat']),
    /echo/,
    /not an MCP server|command/,
  ],
  [
    'a variable that the server does not inherit',
    () => printed(['probe', '--', 'sh', '-c', 'echo "API_KEY missing" >&2; exit 1'], { API_KEY: 'secret' }),
    'API_KEY missing',
    '--env API_KEY',
  ],
  [
    'a command that does not exist, behind a listener',
    () => printed(['bridge', '--listen', 'tcp://127.0.0.1:0', '--', 'nosuchcmd']),
    'nosuchcmd',
    'not found in PATH',
  ],
  [
    'a server that accepts and never answers',
    async () =>
      await thrown(httpClient({ url: `http://127.0.0.1:${await silentPort()}/mcp`, connectTimeoutMs: 300 })),
    /respon/,
    '300 ms',
    /option "\w+TimeoutMs"|connectTimeoutMs/,
  ],
  [
    'a package that npx does not find',
    () =>
      printed([
        'probe',
        '--',
        'sh',
        '-c',
        'echo "npm error code E404" >&2; echo "npm error 404 Not Found - GET nosuch" >&2; echo "npm error A complete log of this run can be found in: /x" >&2; exit 1',
      ]),
    'E404',
    '404 Not Found',
  ],
  [
    'a banner on standard output',
    () =>
      printed([
        'probe',
        '--count',
        '1',
        '--',
        'sh',
        '-c',
        'echo "Welcome to my server"; exec "$@"',
        'sh',
        ...raw,
      ]),
    'Welcome to my server',
    'standard output',
  ],
  [
    'a port instead of a URL',
    () => printed(['bridge', '--listen', '4301', '--', ...raw]),
    '"4301"',
    'did you mean',
    'http://127.0.0.1:4301/mcp',
  ],
  [
    'a host and a port instead of a URL',
    () => printed(['probe', 'localhost:4301']),
    'localhost:4301',
    'did you mean',
    '//localhost:4301',
  ],
  [
    'two listeners on one port',
    () =>
      printed([
        'bridge',
        '--listen',
        'tcp://127.0.0.1:4391',
        '--listen',
        'ws://127.0.0.1:4391/mcp',
        '--',
        ...raw,
      ]),
    '4391',
    /--listen/,
  ],
  [
    'an unknown option',
    () => thrownBy(() => tcpClient({ prot: 1 } as never)),
    'option "prot" is not known',
    'did you mean "port"',
  ],
  [
    'no URL',
    () => thrownBy(() => httpClient({ url: 'localhost:3000/mcp' })),
    'option "url"',
    'localhost:3000/mcp',
    'http://',
  ],
  [
    'accept never called connect',
    async () => {
      const listener = tcpServer({ port: 0, startTimeoutMs: 20 })
      onTestFinished(() => listener.close())
      const reported = new Promise<Error>((resolve) => {
        listener.onerror = resolve
      })
      listener.onconnection = () => {}
      await listener.start()
      const client = tcpClient({ port: Number(new URL(listener.url).port) })
      onTestFinished(() => client.close())
      await client.start()
      return (await reported).message
    },
    'no server was connected',
    'startTimeoutMs (20 ms)',
    'connect(connection)',
  ],
  [
    'a foreign Host behind a proxy',
    async () => {
      const listener = httpServer({ port: 0, gate: localOnly() })
      onTestFinished(() => listener.close())
      await listener.start()
      return await thrown(httpClient({ url: listener.url, headers: { host: 'mcp.example.com' } }))
    },
    'Host',
    /option "gate"/,
  ],
  [
    'a bad gateway',
    async () =>
      await thrown(
        httpClient({
          url: `${await site(responding(502, 'text/html', '<title>502 Bad Gateway</title>'))}/mcp`,
        }),
      ),
    'status 502',
    'gateway',
    /behind it|server/,
  ],
  [
    'a token refresh that failed',
    async () =>
      await thrown(
        httpClient({
          url: `${await site(responding(401, 'text/plain', ''))}/mcp`,
          auth: {
            token: () => {
              throw new Error('the vault is sealed')
            },
          } as never,
        }),
      ),
    'the vault is sealed',
    'token',
    'http://127.0.0.1',
  ],
  [
    'a listener that is open to all',
    () => printed(['bridge', '--listen', 'tcp://0.0.0.0:0', '--', ...raw]),
    'other hosts',
    '--allow-anonymous',
    'without authentication',
  ],
  [
    'a file that is not executable',
    () => printed(['probe', '--', script('#!/bin/sh\n', 0o644)]),
    'not executable',
    'chmod +x',
  ],
  [
    'no credential',
    async () => await printed(['probe', `${await site(responding(401, 'text/plain', ''))}/mcp`]),
    '401',
    '--header "Authorization: Bearer',
  ],
  [
    'a wrong token',
    async () =>
      await printed([
        'probe',
        `${await site(responding(401, 'text/plain', ''))}/mcp`,
        '--header',
        'Authorization: Bearer wrong',
      ]),
    '401',
    'rejected',
  ],
  [
    "an operator's own provider",
    () =>
      thrownBy(() => httpClient({ url: 'http://127.0.0.1/mcp', auth: { tokens: () => undefined } as never })),
    'option "auth"',
    'oauth(',
  ],
  [
    'a port where nothing listens',
    () => thrown(tcpClient({ port: 1 })),
    'tcp://127.0.0.1:1',
    'ECONNREFUSED',
    'server is running',
  ],
  [
    'an unknown host',
    () => thrown(tcpClient({ host: 'nosuch.invalid', port: 1 })),
    'nosuch.invalid',
    'check its spelling',
  ],
  [
    'a certificate that is self-signed',
    async () => {
      const { certFile, keyFile } = certificate('messages')
      const listener = tcpServer({ port: 0, tls: { certFile, keyFile } })
      onTestFinished(() => listener.close())
      await listener.start()
      return await thrown(tcpClient({ port: Number(new URL(listener.url).port), tls: {} }))
    },
    'self-signed',
    'option "tls.ca"',
  ],
  [
    'https to a server of http',
    async () =>
      await thrown(
        httpClient({
          url: `${(await site(responding(200, 'text/plain', ''))).replace('http:', 'https:')}/mcp`,
        }),
      ),
    'TLS',
    'http://',
  ],
  [
    'a redirect',
    async () =>
      await thrown(
        httpClient({
          url: `${await site((request, response) => {
            request.resume()
            response.writeHead(301, { location: 'https://elsewhere.example/mcp' }).end()
          })}/mcp`,
        }),
      ),
    'status 301',
    'https://elsewhere.example/mcp',
    'option "url"',
  ],
  [
    'a socket file that does not exist',
    () => thrown(unixClient({ path: '/nosuch/socket' })),
    'unix:/nosuch/socket',
    'path is correct',
  ],
  [
    'a port in use',
    async () => {
      const { addresses } = await listening(['tcp://127.0.0.1:0'])
      return await printed(['bridge', '--listen', addresses[0] ?? '', '--', ...raw])
    },
    'LISTEN_FAILED',
    'another program',
    /port/,
  ],
  [
    'a missing "--"',
    () => printed(['bridge', 'node', 'server.js']),
    'missing "--" before the command',
    '-- node server.js',
  ],
  [
    'a missing gate',
    () =>
      tcpServer({ port: 0, host: '0.0.0.0' })
        .start()
        .then(
          () => 'it started',
          (error: Error) => error.message,
        ),
    'option "gate"',
  ],
]

test.each(situations)(
  'the message for %s names what is wrong and what to do',
  async (name, text, ...named) => {
    const message = (await text()).trim()
    console.log(`${name}:\n  ${message.replaceAll('\n', '\n  ')}`)
    for (const part of named) expect(message).toMatch(part)
  },
)
