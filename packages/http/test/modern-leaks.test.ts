import type { JsonRpcMessage, JsonRpcRequest, RequestId } from '@mcpwire/core'
import { Pool } from 'undici'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CAPABILITIES_KEY, CLIENT_KEY, modern, postOf, SUBSCRIPTION_KEY } from './support/modern.js'
import { byName, type ModernServer, modernServer } from './support/modern-server.js'

const SUITE_TIMEOUT_MS = 240_000
const IDS: readonly RequestId[] = ['1', 1, '', 0]

/** A client: its principal, and the name in its metadata. */
interface Who {
  readonly token: string
  readonly name: string
}

/** Two clients of one principal and one of another, all with the same name. */
const clients: readonly Who[] = [
  { token: 'one', name: 'a' },
  { token: 'one', name: 'b' },
  { token: 'two', name: 'a' },
]

function connectionsTo({ port }: ModernServer, connections: number): Pool {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections, headersTimeout: 0, bodyTimeout: 0 })
  onTestFinished(() => pool.destroy())
  return pool
}

/** The messages of the response to one request. */
async function ask(pool: Pool, { token }: Who, request: JsonRpcRequest): Promise<JsonRpcMessage[]> {
  const { body, headers } = await post(pool, token, request)
  const text = await body.text()
  if (headers['content-type'] === 'application/json') return [JSON.parse(text)]
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)))
}

function post(pool: Pool, token: string, request: JsonRpcRequest) {
  const { headers } = postOf(request)
  return pool.request({
    method: 'POST',
    path: '/mcp',
    headers: {
      ...(headers as Record<string, string>),
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(request),
  })
}

function call({ token, name }: Who, id: RequestId, params: Record<string, unknown>): JsonRpcRequest {
  const said = {
    [CLIENT_KEY]: { name, version: '1' },
    [CAPABILITIES_KEY]: { experimental: { [name + token]: {} } },
  }
  return modern('tools/call', { ...params, _meta: { ...said, ...(params['_meta'] as object) } }, id)
}

describe('10 000 requests of three concurrent clients', () => {
  test(
    'get responses by their own metadata, and their own progress only',
    async () => {
      const server = await modernServer({ gate: byName })
      const pool = connectionsTo(server, 64)
      let next = 0
      const work = async (): Promise<void> => {
        for (let n = next++; n < 10_000; n = next++) await one(pool, n)
      }
      await Promise.all(Array.from({ length: 64 }, work))
      expect(server.connections).toHaveLength(2)
      expect(server.errors).toEqual([])
    },
    SUITE_TIMEOUT_MS,
  )

  async function one(pool: Pool, n: number): Promise<void> {
    const who = clients[n % clients.length] as Who
    const id = IDS[(n >> 2) % IDS.length] as RequestId
    if (n % 5 === 0) {
      const progressToken = IDS[n % 3] as RequestId
      const to = (n % 4) + 1
      const messages = await ask(
        pool,
        who,
        call(who, id, { name: 'count', arguments: { to }, _meta: { progressToken } }),
      )
      const notified = messages.slice(0, -1).map((message) => 'method' in message && message.params)
      expect(notified).toEqual(
        Array.from({ length: to }, (_, index) => ({ progressToken, progress: index + 1 })),
      )
      expect(messages.at(-1)).toMatchObject({ id, result: { content: [{ text: String(to) }] } })
      return
    }
    const [answer, ...rest] = await ask(pool, who, call(who, id, { name: 'whoami', arguments: {} }))
    expect(rest).toEqual([])
    const { id: answered, result } = answer as unknown as {
      id: RequestId
      result: { content: [{ text: string }] }
    }
    expect(answered).toBe(id)
    expect(JSON.parse(result.content[0].text)).toMatchObject({
      client: who.token,
      [CLIENT_KEY]: { name: who.name },
      [CAPABILITIES_KEY]: { experimental: { [who.name + who.token]: {} } },
    })
  }
})

describe('a thousand subscriptions', () => {
  test(
    'open, get what their filter names under their own id, and end in order [SUB-S-02, SUB-S-03, SUB-S-04]',
    async () => {
      const server = await modernServer({ gate: byName, keepAliveIntervalMs: 200 })
      const pool = connectionsTo(server, 1_010)
      const streams = await Promise.all(Array.from({ length: 1_000 }, (_, n) => listen(pool, n)))
      await vi.waitFor(() => expect(streams.every(({ text }) => text().includes(': keep-alive'))).toBe(true))
      const [who] = clients as [Who]
      await ask(pool, who, call(who, 1, { name: 'change', arguments: {} }))
      const expected = streams.filter(({ isNotified }) => isNotified)
      await vi.waitFor(() => expect(expected.every(({ messages }) => messages().length === 2)).toBe(true))
      await server.listener.close()
      for (const { id, isNotified, over, messages } of streams) {
        await over
        const [acknowledged, ...rest] = messages() as { method?: string; params?: object }[]
        const result = rest.pop()
        const tagged = { _meta: { [SUBSCRIPTION_KEY]: id } }
        expect(acknowledged).toMatchObject({
          method: 'notifications/subscriptions/acknowledged',
          params: tagged,
        })
        expect(rest).toMatchObject(
          isNotified ? [{ method: 'notifications/tools/list_changed', params: tagged }] : [],
        )
        expect(result).toMatchObject({ id, result: { resultType: 'complete', ...tagged } })
      }
      expect(server.errors).toEqual([])
    },
    SUITE_TIMEOUT_MS,
  )

  /** One of each: of either principal, with tools in its filter or without. */
  async function listen(pool: Pool, n: number) {
    const who = clients[n % clients.length] as Who
    const id = IDS[(n >> 2) % IDS.length] as RequestId
    const wantsTools = n % 2 === 0
    const notifications = wantsTools ? { toolsListChanged: true } : { resourcesListChanged: true }
    const { body } = await post(pool, who.token, modern('subscriptions/listen', { notifications }, id))
    let text = ''
    const over = (async () => {
      for await (const chunk of body.setEncoding('utf8')) text += chunk
    })()
    over.catch(() => {})
    return {
      id,
      isNotified: wantsTools && who.token === 'one',
      over,
      text: () => text,
      messages: () =>
        text
          .split('\n')
          .filter((line) => line.startsWith('data: '))
          .map((line): unknown => JSON.parse(line.slice(6))),
    }
  }
})
