import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import {
  event,
  introducedClient,
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

function onCall(answer: (asked: Parameters<Script>[0]) => void): Script {
  return (asked) => {
    if (!asked.message || !isRequest(asked.message) || asked.message.method !== 'tools/call') return false
    answer(asked)
    return true
  }
}

const answers = ({ messages }: ScriptedClient, id: unknown) =>
  messages.filter((message) => !('method' in message) && message.id === id)
const unasked = expect.objectContaining({
  code: 'MALFORMED_MESSAGE',
  message: expect.stringContaining('no request in flight'),
})

describe('a response is delivered once, and one more reported', () => {
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
    'later on a stream that was to end': onCall(({ response }) => {
      stream(response, event(resultFor(1)))
      setImmediate(() => response.end(event(resultFor(1)) + event(note)))
    }),
  }

  test.each(Object.entries(twice))('%s', async (_where, script) => {
    const client = await introducedClient(await scriptedServer(script), { standaloneStream: false })
    await client.transport.send(call)
    await client.answerTo(1)
    await expect.poll(() => client.messages.at(-1)).toEqual(note)
    expect(answers(client, 1)).toEqual([resultFor(1)])
    expect(client.errors).toEqual([unasked])
    expect(client.transport.state).toBe('open')
  })

  test('on the stream beside it, any number of times', async () => {
    const server = await scriptedServer((asked, { of }) => {
      if (asked.method === 'GET') {
        stream(asked.response)
        return true
      }
      return onCall(({ response }) => {
        const [get] = of('GET')
        json(response, resultFor(1))
        for (let nth = 0; nth < 20; nth++) get?.response.write(event(resultFor(1)))
        get?.response.write(event(note))
      })(asked, server)
    })
    const client = await introducedClient(server)
    await server.until(() => server.of('GET').length === 1, 'the stream is there')
    await client.transport.send(call)
    await expect.poll(() => client.messages.at(-1)).toEqual(note)
    await client.answerTo(1)
    expect(answers(client, 1)).toEqual([resultFor(1)])
    expect(client.errors).toHaveLength(20)
    expect(client.transport.state).toBe('open')
  })

  test('over HTTP+SSE', async () => {
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
    expect(answers(client, 'init')).toHaveLength(1)
    expect(client.errors).toEqual([unasked])
  })
})

test.each([[99], ['1'], [1.5e3]])('a response to %o, which was never asked, is reported only', async (id) => {
  const client = await introducedClient(
    await scriptedServer(
      onCall(({ response }) => stream(response, event(resultFor(id)) + event(resultFor(1))).end()),
    ),
  )
  await client.transport.send(call)
  await client.answerTo(1)
  expect(answers(client, id)).toEqual([])
  expect(client.errors).toEqual([unasked])
})
