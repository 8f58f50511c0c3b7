import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { httpClient } from '../src/index.js'
import { byName, type ModernServer, modernServer } from './support/modern-server.js'

const MODERN = '2026-07-28'

interface Who {
  readonly name?: string
  readonly token?: string
  /** Whether the transport is one of this package. */
  readonly isOurs?: boolean
  readonly mode?: 'auto' | 'legacy' | { pin: string }
}

async function connected(
  server: ModernServer,
  { name = 'client', token, isOurs = false, mode = { pin: MODERN } }: Who = {},
): Promise<Client> {
  const client = new Client(
    { name, version: '1.0.0' },
    { capabilities: { elicitation: {}, experimental: { [name]: {} } }, versionNegotiation: { mode } },
  )
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Ada' } }))
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const theirs = new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } })
  await client.connect(isOurs ? httpClient({ url: server.url, headers }) : theirs)
  onTestFinished(() => client.close())
  return client
}

const textOf = (result: unknown): string => (result as { content: [{ text: string }] }).content[0].text

describe.each([
  ['auto', false],
  ['json', false],
  ['sse', false],
  ['auto', true],
  ['sse', true],
] as const)('the v2 client with responseFormat %s, over this transport: %s', (answers, isOurs) => {
  test.each([
    ['insists', { pin: MODERN }],
    ['negotiates', 'auto'],
  ] as const)(
    'lists tools, calls them and answers requests on 2026-07-28, when it %s',
    async (_how, mode) => {
      const server = await modernServer({ responseFormat: answers })
      const client = await connected(server, { mode, isOurs })
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain('add')
      expect(textOf(await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }))).toBe('3')
      expect(textOf(await client.callTool({ name: 'ask', arguments: {} }))).toBe('Hello Ada')
      expect(server.asked.map(({ message }) => 'method' in message && message.method)).not.toContain(
        'initialize',
      )
      expect(server.connections).toHaveLength(1)
      expect(server.errors).toEqual([])
    },
  )

  test('receives progress unless responses are JSON', async () => {
    const server = await modernServer({ responseFormat: answers })
    const client = await connected(server, { isOurs })
    const steps: number[] = []
    await client.callTool(
      { name: 'count', arguments: { to: 3 } },
      { onprogress: ({ progress }) => steps.push(progress) },
    )
    expect(steps).toEqual(answers === 'json' ? [] : [1, 2, 3])
  })

  test('cancels a request by closing its stream [CANC-S-01]', async () => {
    const server = await modernServer({ responseFormat: answers })
    const client = await connected(server, { isOurs })
    const stop = new AbortController()
    const rejected = expect(
      client.callTool({ name: 'hang', arguments: {} }, { signal: stop.signal }),
    ).rejects.toThrow()
    await vi.waitFor(() =>
      expect(server.asked.some(({ message }) => JSON.stringify(message).includes('hang'))).toBe(true),
    )
    stop.abort()
    await rejected
    await vi.waitFor(() => expect(server.aborted).toEqual(['hang']))
    expect(textOf(await client.callTool({ name: 'add', arguments: { a: 2, b: 2 } }))).toBe('4')
  })

  test('receives changes that another client of the same principal causes [SUB-S-02]', async () => {
    const server = await modernServer({ responseFormat: answers })
    const [listening, deaf, changing] = [
      await connected(server, { isOurs }),
      await connected(server, { isOurs }),
      await connected(server, { isOurs }),
    ]
    const [changed, other] = [vi.fn(), vi.fn()]
    listening.setNotificationHandler('notifications/tools/list_changed', changed)
    deaf.setNotificationHandler('notifications/tools/list_changed', other)
    const subscription = await listening.listen({ toolsListChanged: true })
    await deaf.listen({ promptsListChanged: true })
    await changing.callTool({ name: 'change', arguments: {} })
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1))
    await subscription.close()
    await changing.callTool({ name: 'change', arguments: {} })
    await changing.listTools()
    expect(changed).toHaveBeenCalledTimes(1)
    expect(other).not.toHaveBeenCalled()
    expect(server.connections).toHaveLength(1)
  })
})

test('answers each client of one principal by its own metadata', async () => {
  const server = await modernServer({ gate: byName })
  const clients = await Promise.all(['a', 'b', 'c'].map((name) => connected(server, { name, token: 'one' })))
  const texts = await Promise.all(clients.map((client) => client.callTool({ name: 'whoami', arguments: {} })))
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    expect(JSON.parse(textOf(texts[index]))).toMatchObject({
      client: 'one',
      'io.modelcontextprotocol/clientInfo': { name },
      'io.modelcontextprotocol/clientCapabilities': { experimental: { [name]: {} } },
    })
  }
  expect(server.connections).toHaveLength(1)
})

test('separates the connections and changes of two principals', async () => {
  const server = await modernServer({ gate: byName })
  const one = await connected(server, { token: 'one' })
  const two = await connected(server, { token: 'two' })
  const changed = vi.fn()
  one.setNotificationHandler('notifications/tools/list_changed', changed)
  await one.listen({ toolsListChanged: true })
  await two.callTool({ name: 'change', arguments: {} })
  const answers = [one, two].map((client) => client.callTool({ name: 'whoami', arguments: {} }))
  const clients = (await Promise.all(answers)).map((answer) => JSON.parse(textOf(answer)).client)
  expect(clients).toEqual(['one', 'two'])
  expect(server.connections.map(({ peer }) => peer?.authInfo?.clientId)).toEqual(['one', 'two'])
  expect(changed).not.toHaveBeenCalled()
})

test('serves both eras at one endpoint at once', async () => {
  const server = await modernServer()
  const [modern, legacy] = [await connected(server), await connected(server, { mode: 'legacy' })]
  for (const client of [modern, legacy, modern]) {
    expect(textOf(await client.callTool({ name: 'add', arguments: { a: 1, b: 1 } }))).toBe('2')
  }
  expect(server.connections.map(({ sessionId }) => typeof sessionId)).toEqual(['undefined', 'string'])
})

test('checks arguments that a client mirrors by the schema of the tool [HDR-C-05]', async () => {
  const server = await modernServer()
  const client = await connected(server)
  await client.listTools()
  expect(textOf(await client.callTool({ name: 'deploy', arguments: { region: 'Zürich' } }))).toBe('Zürich')
})

test('ends subscriptions in order when the listener closes [SUB-S-08]', async () => {
  const server = await modernServer()
  const client = await connected(server)
  const subscription = await client.listen({ toolsListChanged: true })
  await server.listener.close()
  expect(await subscription.closed).toBe('graceful')
})
