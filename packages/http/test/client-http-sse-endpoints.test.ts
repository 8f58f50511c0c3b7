import { isRequest } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type HttpClientOptions, httpClient } from '../src/index.js'
import { event, resultFor, type ScriptedServer, scriptedServer, stream } from './support/scripted-server.js'

const info = { name: 'c', version: '1' }
const result = { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 's', version: '1' } }

/** A server of HTTP+SSE at `/prefix/sse` that receives messages at `/prefix/messages`, and names this endpoint. */
function serverNaming(endpoint: string): Promise<ScriptedServer> {
  let events: ReturnType<typeof stream> | undefined
  return scriptedServer(({ method, url, message, response }) => {
    const { pathname } = new URL(url, 'http://127.0.0.1')
    if (method === 'GET' && pathname === '/prefix/sse')
      events = stream(response, `event: endpoint\ndata: ${endpoint}\n\n`)
    else if (method === 'POST' && pathname === '/prefix/messages') {
      response.writeHead(202).end()
      if (message && isRequest(message)) events?.write(event(resultFor(message.id, result)))
    } else response.writeHead(pathname === '/prefix/sse' ? 405 : 404).end('no such route')
    return true
  })
}

function transportTo(server: ScriptedServer, options: Partial<HttpClientOptions> = {}) {
  const transport = httpClient({ url: new URL('/prefix/sse', server.url), ...options })
  onTestFinished(() => transport.close())
  return transport
}

const rejectionOf = (connecting: Promise<void>): Promise<Error & { details: Record<string, unknown> }> =>
  connecting.then(
    () => new Error('connected') as never,
    (error) => error,
  )

describe('an endpoint event that lost the prefix of a proxy', () => {
  test.each([
    ['the SDK v1', () => new ClientV1(info) as unknown as Client],
    ['the SDK v2', () => new Client(info)],
  ])('is named with the status of the POST by %s', async (_sdk, newClient) => {
    const server = await serverNaming('/messages?sessionId=s3cret-7')
    const error = await rejectionOf(newClient().connect(transportTo(server)))
    const { origin } = new URL(server.url)
    expect(error.message).toContain(`${origin}/messages responded with status 404`)
    expect(error.message).toContain('option "messageUrl"')
    expect(error.message).not.toContain('s3cret')
    expect(server.of('POST').at(-1)?.url).toBe('/messages?sessionId=s3cret-7')
  })

  test.each(['messages', '/prefix/messages', './messages', '../prefix/messages'])(
    'is replaced by option messageUrl %s, with its query',
    async (messageUrl) => {
      const server = await serverNaming('/messages?sessionId=7&x=%20')
      await new Client(info).connect(transportTo(server, { messageUrl }))
      expect(server.of('POST').at(-1)?.url).toBe('/prefix/messages?sessionId=7&x=+')
    },
  )

  test('is replaced by an absolute URL with a query of its own', async () => {
    const server = await serverNaming('/messages?sessionId=7')
    const messageUrl = new URL('/prefix/messages?key=1', server.url)
    await new Client(info).connect(transportTo(server, { messageUrl }))
    expect(server.of('POST').at(-1)?.url).toBe('/prefix/messages?key=1&sessionId=7')
  })
})

describe('an endpoint event', () => {
  test.each(['/prefix/messages', 'messages', './messages?x=1'])(
    'with the URL %s needs no option',
    async (endpoint) => {
      const server = await serverNaming(endpoint)
      await new Client(info).connect(transportTo(server))
      expect(server.of('POST').length).toBeGreaterThan(1)
    },
  )

  test.each([
    ['http://elsewhere.test:3000/messages', 'another origin: http://elsewhere.test:3000'],
    ['https://user:s3cret@elsewhere.test/messages?key=s3cret', 'another origin: https://elsewhere.test'],
    ['//elsewhere.test/messages', 'another origin: http://elsewhere.test'],
    ['http://', 'no URL'],
    ['data:text/plain,s3cret', 'another origin: data:'],
  ])('with the foreign URL %s is refused by name, and gets no message', async (endpoint, fragment) => {
    const server = await serverNaming(endpoint)
    const error = await rejectionOf(new Client(info).connect(transportTo(server)))
    expect(error.message).toContain(fragment)
    expect(error.message).toContain('option "messageUrl"')
    expect(error.message).not.toContain('s3cret')
    expect(server.of('POST')).toHaveLength(1)
  })

  test('with a foreign URL is replaced by option messageUrl', async () => {
    const server = await serverNaming('http://internal.test:3000/messages?sessionId=7')
    await new Client(info).connect(transportTo(server, { messageUrl: '/prefix/messages' }))
    expect(server.of('POST').at(-1)?.url).toBe('/prefix/messages?sessionId=7')
  })
})

test.each([
  'http://elsewhere.test/messages',
  'https://127.0.0.1/messages',
  'http://',
  'http://a:b@127.0.0.1/x',
])('option messageUrl rejects %s without showing it', (messageUrl) => {
  expect(() => httpClient({ url: 'http://127.0.0.1/sse', messageUrl })).toThrow(
    expect.objectContaining({
      code: 'INVALID_OPTION',
      details: { option: 'messageUrl' },
      message: expect.not.stringContaining('a:b'),
    }),
  )
})
