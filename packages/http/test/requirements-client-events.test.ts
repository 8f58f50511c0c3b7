import { isRequest } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { initializedClient, resultFor, scriptedServer, stream } from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call' }
const note = { jsonrpc: '2.0' as const, method: 'notifications/x', params: { text: 'grüße 👋' } }

/** The messages of a client whose request gets these bytes, in these pieces. */
async function messagesOf(...pieces: (string | Buffer)[]) {
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const [piece, ...rest] = pieces
    response.write(piece ?? '')
    writeEach(
      rest,
      (each) => response.write(each),
      () => response.end(),
    )
    return true
  })
  const client = await initializedClient(server, { standaloneStream: false })
  await client.transport.send(call)
  await client.responseTo(1)
  return client.messages.slice(1)
}

/** Each in its own turn of the event loop, and so in its own packet. */
function writeEach(
  pieces: readonly (string | Buffer)[],
  write: (piece: string | Buffer) => void,
  end: () => void,
) {
  const [piece, ...rest] = pieces
  if (piece === undefined) end()
  else {
    setImmediate(() => {
      write(piece)
      writeEach(rest, write, end)
    })
  }
}

const noteText = JSON.stringify(note)
const response = resultFor(1, { text: 'ok' })
const responseText = JSON.stringify(response)

test.each([
  ['LF', '\n'],
  ['CR', '\r'],
  ['CRLF', '\r\n'],
])('accepts lines that end in %s [SSEW-01]', async (_, end) => {
  const text = `data: ${noteText}${end}${end}data: ${responseText}${end}${end}`
  // A lone CR ends an event once it is known that no LF follows it.
  expect(await messagesOf(`${text}:${end}${end}`)).toEqual([note, response])
})

test('accepts chunks that split a character, and drops one byte order mark [SSEW-01]', async () => {
  const bytes = Buffer.from(`\ufeffdata: ${noteText}\r\n\r\ndata: ${responseText}\n\n`)
  const single = Array.from(bytes, (byte) => Buffer.of(byte))
  expect(await messagesOf(...single)).toEqual([note, response])
})

test('joins lines of data without one leading space each [SSEW-02]', async () => {
  const [start, rest] = [noteText.slice(0, 17), noteText.slice(17)]
  expect(start.endsWith(',')).toBe(true)
  const text = `data:${start}\ndata:  ${rest}\n\ndata:${responseText}\n\n`
  expect(await messagesOf(text)).toEqual([note, response])
})

test('delivers no message for an event without data, and resumes after its id [SSEW-03]', async () => {
  const server = await scriptedServer(({ method, message, response }) => {
    if (method === 'GET') stream(response, `data: ${responseText}\n\n`)
    else if (message && isRequest(message) && message.method === 'tools/call')
      stream(response, 'retry: 100\nid: p1\ndata: \n\n').end()
    else return false
    return true
  })
  const client = await initializedClient(server, { standaloneStream: false })
  await client.transport.send(call)
  await client.responseTo(1)
  expect(client.messages.slice(1)).toEqual([response])
  expect(client.errors).toEqual([])
  expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual(['p1'])
})

test('ignores an id with NUL, keeps an id until the next, and accepts digits only as retry [SSEW-04]', async () => {
  const server = await scriptedServer(({ method, message, response }) => {
    if (method === 'GET') stream(response, `data: ${responseText}\n\n`)
    else if (message && isRequest(message) && message.method === 'tools/call') {
      const events = [
        `retry: 100\nid: good\ndata: ${noteText}\n\n`,
        `id: b\0d\ndata: ${noteText}\n\n`,
        `retry: 9000x\ndata: ${noteText}\n\n`,
      ]
      stream(response, events.join('')).end()
    } else return false
    return true
  })
  const client = await initializedClient(server, { standaloneStream: false })
  await client.transport.send(call)
  // With a retry of 9000 ms it would not arrive within the timeout of the test.
  await client.responseTo(1)
  expect(client.messages.slice(1)).toEqual([note, note, note, response])
  expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual(['good'])
})

test('ignores comments, unknown fields and other events, and needs no event name [SSEW-05, HTTP-C-31]', async () => {
  const text = [
    ': keep-alive\n\n',
    ':\n\n',
    `event: other\ndata: ${noteText}\n\n`,
    `colour: red\nevent: message\ndata: ${noteText}\n: within\nnonsense\n\n`,
    `data: ${responseText}\n\n`,
  ]
  expect(await messagesOf(...text)).toEqual([note, response])
})

test('drops an event that the end of the stream truncates [SSEW-06]', async () => {
  const server = await scriptedServer(({ method, message, response }) => {
    if (method === 'GET') stream(response, `data: ${responseText}\n\n`)
    else if (message && isRequest(message) && message.method === 'tools/call')
      stream(response, `retry: 100\nid: e1\ndata: ${noteText}\n\nid: e2\ndata: ${noteText}\n`).end()
    else return false
    return true
  })
  const client = await initializedClient(server, { standaloneStream: false })
  await client.transport.send(call)
  await client.responseTo(1)
  expect(client.messages.slice(1)).toEqual([note, response])
  expect(client.errors).toEqual([])
  expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual(['e1'])
})
