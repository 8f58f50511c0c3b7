import { Agent } from 'node:http'
import { isRequest } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ToolSchemas } from '../src/headers/tool-schemas.js'
import type { HttpClientOptions } from '../src/index.js'
import { modern } from './support/modern.js'
import { event, json, resultFor, scriptedServer, startedClient, stream } from './support/scripted-server.js'

const engines: Record<string, () => Partial<HttpClientOptions>> = {
  'its own connections': () => ({}),
  'a fetch': () => ({ fetch: (url, init) => globalThis.fetch(url, init) }),
  'an agent': () => {
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    return { agent }
  },
}

const fault = new Error('a fault of ours')

describe.each(Object.entries(engines))('over %s', (_name, options) => {
  test.each(['json', 'events'])(
    'fails only the request whose response in %s cannot be handled',
    async (how) => {
      const spy = vi.spyOn(ToolSchemas.prototype, 'check').mockImplementation((response) => {
        if ('result' in response) throw fault
        return { response, excluded: [] }
      })
      onTestFinished(() => spy.mockRestore())
      const server = await scriptedServer(({ message, response }) => {
        if (!message || !isRequest(message)) return false
        if (how === 'json') json(response, resultFor(message.id, { tools: [] }))
        else stream(response, event(resultFor(message.id, { tools: [] }))).end()
        return true
      })
      const client = await startedClient(server, options())
      await client.transport.send(modern('tools/list'))
      expect(await client.responseTo(1)).toMatchObject({
        error: { code: -31_006, data: { code: 'OUTCOME_UNKNOWN' } },
      })
      expect(client.errors).toEqual([expect.objectContaining({ code: 'OUTCOME_UNKNOWN', cause: fault })])
      await client.transport.send(modern('tools/call', {}, 2))
      expect(await client.responseTo(2)).toEqual(resultFor(2, { tools: [] }))
    },
  )
})

test('fails the request whose response head cannot be read', async () => {
  const get = (): never => {
    throw fault
  }
  const fetch = async () => ({ status: 200, headers: { get }, body: null }) as unknown as Response
  const server = await scriptedServer()
  const client = await startedClient(server, { fetch })
  const sending = client.transport.send(modern('tools/list'))
  await expect(sending).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: fault })
  expect(client.errors).toMatchObject([{ code: 'OUTCOME_UNKNOWN', cause: fault }])
})
