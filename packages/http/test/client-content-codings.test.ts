import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpClient } from '../src/index.js'
import { engineKinds } from './support/engine-kinds.js'
import {
  event,
  initializedClient,
  resultFor,
  type Script,
  scriptedServer,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const encoders: Readonly<Record<string, (text: string) => Buffer>> = {
  gzip: (text) => gzipSync(text),
  br: (text) => brotliCompressSync(text),
  deflate: (text) => deflateSync(text),
  GZip: (text) => gzipSync(text),
  'gzip, br': (text) => brotliCompressSync(gzipSync(text)),
  'x-unknown': (text) => Buffer.from(text),
}
/** Codings that every `fetch` decodes. */
const DECODED = ['gzip', 'br', 'deflate']

const coded =
  (coding: string, type: string, text: string, status = 200): Script =>
  ({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    const encode = encoders[coding] ?? Buffer.from
    response.writeHead(status, { 'content-type': type, 'content-encoding': coding }).end(encode(text))
    return true
  }

const result: JsonRpcMessage = resultFor(1, { content: [] })
const bodies = [
  ['application/json', JSON.stringify(result)],
  ['text/event-stream', event(result)],
] as const
const decoding = engineKinds.filter(({ name }) => name.includes('fetch') && !name.includes('node-fetch'))
const others = engineKinds.filter((each) => !decoding.includes(each))
const optionsOf = ({ chosenBy, plain }: (typeof engineKinds)[0]) => ({ ...chosenBy, ...plain() })

test.each(engineKinds)('asks for responses without a coding over $name', async (kind) => {
  const server = await scriptedServer()
  await initializedClient(server, optionsOf(kind))
  await server.until(() => server.of('GET').length > 0, 'the stream is requested')
  expect(server.requests.map(({ headers }) => headers['accept-encoding'])).not.toContain(undefined)
  expect(new Set(server.requests.map(({ headers }) => headers['accept-encoding']))).toEqual(
    new Set(['identity']),
  )
})

describe.each(others)('a coded response over $name', (kind) => {
  for (const [type, text] of bodies) {
    test.each(Object.keys(encoders))(`of ${type} fails with the name of the coding %s`, async (coding) => {
      const server = await scriptedServer(coded(coding, type, text))
      const client = await initializedClient(server, { ...optionsOf(kind), standaloneStream: false })
      await client.transport.send(call)
      expect(await client.responseTo(1)).toMatchObject({
        error: {
          message: expect.stringContaining(`content-encoding ${JSON.stringify(coding.toLowerCase())}`),
          data: { code: 'OUTCOME_UNKNOWN', delivery: 'unknown', hint: expect.stringContaining('identity') },
        },
      })
    })

    test(`of ${type} is read where the coding is identity`, async () => {
      const server = await scriptedServer(coded('identity', type, text))
      const client = await initializedClient(server, { ...optionsOf(kind), standaloneStream: false })
      await client.transport.send(call)
      expect(await client.responseTo(1)).toEqual(result)
    })
  }

  test('is named where it is a refusal', async () => {
    const server = await scriptedServer(coded('gzip', 'text/plain', 'no', 400))
    const client = await initializedClient(server, { ...optionsOf(kind), standaloneStream: false })
    await client.transport.send(call)
    const message = expect.stringMatching(/status 400 .*"gzip"/)
    expect(await client.responseTo(1)).toMatchObject({ error: { message } })
  })

  test('is named by connect()', async () => {
    const server = await scriptedServer(({ method, response }) => {
      if (method !== 'POST') return false
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      response.end(gzipSync('{}'))
      return true
    })
    const transport = httpClient({ url: server.url, ...optionsOf(kind) })
    onTestFinished(() => transport.close())
    await expect(new Client({ name: 'c', version: '1' }).connect(transport)).rejects.toThrow(/"gzip"/)
  })
})

describe.each(decoding)('a coded response over $name', (kind) => {
  for (const [type, text] of bodies) {
    test.each(DECODED)(`of ${type} is decoded by the platform from %s`, async (coding) => {
      const server = await scriptedServer(coded(coding, type, text))
      const client = await initializedClient(server, { ...optionsOf(kind), standaloneStream: false })
      await client.transport.send(call)
      expect(await client.responseTo(1)).toEqual(result)
    })
  }
})

test('reports a coded stream for messages that belong to no request', async () => {
  const server = await scriptedServer(({ method, response }) => {
    if (method !== 'GET') return false
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
    response.end(gzipSync('data: {}\n\n'))
    return true
  })
  const client = await initializedClient(server)
  await expect.poll(() => client.errors.length).toBe(1)
  expect(client.errors[0]?.message).toContain('"gzip"')
  expect(server.of('GET')).toHaveLength(1)
})

test('names the coding of a stream of HTTP+SSE', async () => {
  const server = await scriptedServer(({ method, response }) => {
    if (method === 'POST') response.writeHead(405).end()
    else {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'br' })
      response.end(brotliCompressSync('event: endpoint\ndata: /m\n\n'))
    }
    return true
  })
  const transport = httpClient({ url: server.url })
  onTestFinished(() => transport.close())
  await expect(new Client({ name: 'c', version: '1' }).connect(transport)).rejects.toThrow(/"br"/)
})
