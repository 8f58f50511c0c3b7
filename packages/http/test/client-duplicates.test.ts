import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import {
  event,
  initializedClient,
  json,
  resultFor,
  type Script,
  type ScriptedClient,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/message', params: { data: 'end' } }

function onCall(answer: (request: Parameters<Script>[0]) => void): Script {
  return (request) => {
    if (!request.message || !isRequest(request.message) || request.message.method !== 'tools/call')
      return false
    answer(request)
    return true
  }
}

const responses = ({ messages }: ScriptedClient, id: unknown) =>
  messages.filter((message) => !('method' in message) && message.id === id)
const unexpected = expect.objectContaining({
  code: 'MALFORMED_MESSAGE',
  message: expect.stringContaining('without a pending request'),
})

describe('a duplicate response', () => {
  const twice: Record<string, Script> = {
    'in one chunk of one stream': onCall(({ response }) =>
      stream(response, event(resultFor(1)) + event(resultFor(1)) + event(note)).end(),
    ),
    'as an error after the result': onCall(({ response }) =>
      stream(
        response,
        event(resultFor(1)) +
          event({ jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } }) +
          event(note),
      ).end(),
    ),
    'later on a stream that should have ended': onCall(({ response }) => {
      stream(response, event(resultFor(1)))
      setImmediate(() => response.end(event(resultFor(1)) + event(note)))
    }),
  }

  test.each(Object.entries(twice))('is reported and not delivered %s', async (_where, script) => {
    const client = await initializedClient(await scriptedServer(script), { standaloneStream: false })
    await client.transport.send(call)
    await client.responseTo(1)
    await expect.poll(() => client.messages.at(-1)).toEqual(note)
    expect(responses(client, 1)).toEqual([resultFor(1)])
    expect(client.errors).toEqual([unexpected])
    expect(client.transport.state).toBe('open')
  })

  test('is reported at once, the next ones by their number, and none is delivered on the GET stream', async () => {
    const server = await scriptedServer((request, { of }) => {
      if (request.method === 'GET') {
        stream(request.response)
        return true
      }
      return onCall(({ response }) => {
        const [get] = of('GET')
        json(response, resultFor(1))
        for (let nth = 0; nth < 20; nth++) get?.response.write(event(resultFor(1)))
        get?.response.write(event(note))
      })(request, server)
    })
    const client = await initializedClient(server)
    await server.until(() => server.of('GET').length === 1, 'the stream is open')
    await client.transport.send(call)
    await expect.poll(() => client.messages.at(-1)).toEqual(note)
    await client.responseTo(1)
    expect(responses(client, 1)).toEqual([resultFor(1)])
    expect(client.errors).toEqual([unexpected])
    expect(client.transport.state).toBe('open')
    await client.transport.close()
    expect(client.errors).toMatchObject([{}, { code: 'MALFORMED_MESSAGE', details: { count: 19 } }])
  })

  test('is reported and not delivered over HTTP+SSE', async () => {
    const server = await scriptedServer(({ method, url, message, response }, { of }) => {
      if (method === 'GET') stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (url !== '/messages') response.writeHead(405).end()
      else {
        response.writeHead(202).end()
        const id = message && 'id' in message ? message.id : undefined
        const [get] = of('GET')
        if (id !== undefined) get?.response.write(event(resultFor(id)) + event(resultFor(id)) + event(note))
      }
      return true
    })
    const client = await startedClient(server)
    await client.transport.send({ ...call, id: 'init', method: 'initialize' })
    await expect.poll(() => client.messages.at(-1)).toEqual(note)
    expect(responses(client, 'init')).toHaveLength(1)
    expect(client.errors).toEqual([unexpected])
  })
})

test.each([[99], ['01'], [1.5e3]])(
  'reports a response with id %o, for which no request is pending',
  async (id) => {
    const client = await initializedClient(
      await scriptedServer(
        onCall(({ response }) => stream(response, event(resultFor(id)) + event(resultFor(1))).end()),
      ),
    )
    await client.transport.send(call)
    await client.responseTo(1)
    expect(responses(client, id)).toEqual([])
    expect(client.errors).toEqual([unexpected])
  },
)
