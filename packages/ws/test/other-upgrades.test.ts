import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { describe, expect, onTestFinished, test } from 'vitest'
import { upgradeHandler, wsServer } from '../src/node/index.js'

const authority = createAuthority('authority')
const credential = authority.issue({ name: 'server', names: ['127.0.0.1'] })

/** Upgrades that a server may ignore (RFC 9110, section 7.8), as header lines. */
const upgrades: Record<string, string> = {
  h2c: 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n',
  'h2c in capitals': 'Connection: UPGRADE\r\nUPGRADE: H2C\r\n',
  'h2c and keep-alive': 'Connection: keep-alive, upgrade\r\nUpgrade: h2c\r\n',
  TLS: 'Connection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n',
  'h2c or websocket': 'Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n',
  connect_udp: 'Connection: Upgrade\r\nUpgrade: connect-udp\r\n',
  'a made-up protocol': 'Connection: Upgrade\r\nUpgrade: x/1\r\n',
}
const body = '{"jsonrpc":"2.0","id":1,"method":"initialize"}'
const lengths: Record<string, (text: string) => string> = {
  'a length': (text) => `Content-Length: ${text.length}\r\n\r\n${text}`,
  chunks: (text) => `Transfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
}
const rows = Object.keys(upgrades).flatMap((upgrade) =>
  Object.keys(lengths).flatMap((length) =>
    (['http', 'https'] as const).map((scheme) => [upgrade, length, scheme] as const),
  ),
)

describe('an upgrade to another protocol', () => {
  test.each(rows)(
    'to %s, with a body in %s over %s, is a request of the server',
    async (upgrade, length, scheme) => {
      const { port, seen } = await sharing(scheme)
      const request = (path: string): string =>
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${upgrades[upgrade]}X-Key: \xe9\r\n${lengths[length]?.(body)}`
      const last = 'GET /last HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'
      const received = await exchange(port, scheme, request('/mcp'), request('/other'), last)
      expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 200'])
      expect(seen).toEqual([`POST /mcp \xe9 ${body}`, `POST /other \xe9 ${body}`, 'GET /last undefined '])
    },
  )

  test('at a path of a foreign listener is left to it', async () => {
    const { port, server, seen } = await sharing('http')
    server.on('upgrade', (request, socket) => {
      if (request.url === '/theirs') socket.end('HTTP/1.1 418 mine\r\n\r\n')
    })
    const text = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${upgrades['h2c']}\r\n`
    expect(await exchange(port, 'http', text('/theirs'))).toMatch(/^HTTP\/1\.1 418/)
    expect(seen).toEqual([])
  })

  test.each(['POST', 'GET'])(
    'by %s gets 426 from wsServer at its path, and 404 elsewhere',
    async (method) => {
      const listener = wsServer({ port: 0 })
      await listener.start()
      onTestFinished(() => listener.close())
      const port = Number(new URL(listener.url).port)
      const ask = (path: string): Promise<string> =>
        exchange(port, 'http', `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${upgrades['h2c']}\r\n`)
      expect(await ask('/mcp')).toMatch(/^HTTP\/1\.1 426 [\s\S]*upgrade: websocket/i)
      expect(await ask('/other')).toMatch(/^HTTP\/1\.1 404/)
    },
  )
})

async function sharing(scheme: 'http' | 'https'): Promise<{ port: number; server: Server; seen: string[] }> {
  const seen: string[] = []
  const answer = async (request: IncomingMessage): Promise<void> => {
    let text = ''
    for await (const chunk of request) text += chunk
    seen.push(`${request.method} ${request.url} ${request.headers['x-key']} ${text}`)
  }
  const server = scheme === 'http' ? createServer() : createTlsServer(credential)
  server.on('request', (request, response) => void answer(request).then(() => response.end('ok')))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const listener = upgradeHandler({ server, path: '/mcp' })
  await listener.start()
  onTestFinished(async () => {
    await listener.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port, server, seen }
}

/** Sends each text after the response to the last one. Resolves with all that arrives until the server ends. */
function exchange(port: number, scheme: 'http' | 'https', ...texts: string[]): Promise<string> {
  const target = { port, host: '127.0.0.1' }
  const socket = scheme === 'http' ? connect(target) : connectTls({ ...target, ca: authority.cert })
  const writeNext = (): void => void socket.write(texts.shift() ?? '', 'latin1')
  writeNext()
  let received = ''
  socket.setEncoding('latin1').on('data', (data) => {
    received += data
    if (received.endsWith('ok')) writeNext()
  })
  return new Promise((resolve, reject) => socket.on('end', () => resolve(received)).on('error', reject))
}
