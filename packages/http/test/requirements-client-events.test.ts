import { isRequest } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { introducedClient, resultFor, scriptedServer, stream } from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call' }
const note = { jsonrpc: '2.0' as const, method: 'notifications/x', params: { text: 'grüße 👋' } }

/** What a client hears whose request is answered by these bytes, in these pieces. */
async function heardOf(...pieces: (string | Buffer)[]) {
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
  const client = await introducedClient(server, { standaloneStream: false })
  await client.transport.send(call)
  await client.answerTo(1)
  return client.messages.slice(1)
}

/** Each in a turn of its own, so that they leave in packets of their own. */
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
const answer = resultFor(1, { text: 'ok' })
const answerText = JSON.stringify(answer)

test.each([
  ['LF', '\n'],
  ['CR', '\r'],
  ['CRLF', '\r\n'],
])('lines may end in %s [SSEW-01]', async (_, end) => {
  const text = `data: ${noteText}${end}${end}data: ${answerText}${end}${end}`
  // A lone CR ends an event once it is known that no LF follows it.
  expect(await heardOf(`${text}:${end}${end}`)).toEqual([note, answer])
})

test('bytes may be cut anywhere, within a character too, and one byte order mark is dropped [SSEW-01]', async () => {
  const bytes = Buffer.from(`\ufeffdata: ${noteText}\r\n\r\ndata: ${answerText}\n\n`)
  const single = Array.from(bytes, (byte) => Buffer.of(byte))
  expect(await heardOf(...single)).toEqual([note, answer])
})

test('lines of data are joined, and one blank is taken off each [SSEW-02]', async () => {
  const [start, rest] = [noteText.slice(0, 17), noteText.slice(17)]
  expect(start.endsWith(',')).toBe(true)
  const text = `data:${start}\ndata:  ${rest}\n\ndata:${answerText}\n\n`
  expect(await heardOf(text)).toEqual([note, answer])
})

test('an event without data is no message, yet its id is where the client goes on from [SSEW-03]', async () => {
  const server = await scriptedServer(({ method, message, response }) => {
    if (method === 'GET') stream(response, `data: ${answerText}\n\n`)
    else if (message && isRequest(message) && message.method === 'tools/call')
      stream(response, 'retry: 100\nid: p1\ndata: \n\n').end()
    else return false
    return true
  })
  const client = await introducedClient(server, { standaloneStream: false })
  await client.transport.send(call)
  await client.answerTo(1)
  expect(client.messages.slice(1)).toEqual([answer])
  expect(client.errors).toEqual([])
  expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual(['p1'])
})

test('an id with NUL does not count, one stays until the next, and retry is digits [SSEW-04]', async () => {
  const server = await scriptedServer(({ method, message, response }) => {
    if (method === 'GET') stream(response, `data: ${answerText}\n\n`)
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
  const client = await introducedClient(server, { standaloneStream: false })
  await client.transport.send(call)
  // With a retry of 9000 ms it would not come within the patience of the test.
  await client.answerTo(1)
  expect(client.messages.slice(1)).toEqual([note, note, note, answer])
  expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual(['good'])
})

test('comments and unknown fields are passed over, other events are no messages, and none needs a name [SSEW-05, HTTP-C-31]', async () => {
  const text = [
    ': keep-alive\n\n',
    ':\n\n',
    `event: other\ndata: ${noteText}\n\n`,
    `colour: red\nevent: message\ndata: ${noteText}\n: within\nnonsense\n\n`,
    `data: ${answerText}\n\n`,
  ]
  expect(await heardOf(...text)).toEqual([note, answer])
})

test('an event that the stream cuts short is dropped [SSEW-06]', async () => {
  const server = await scriptedServer(({ method, message, response }) => {
    if (method === 'GET') stream(response, `data: ${answerText}\n\n`)
    else if (message && isRequest(message) && message.method === 'tools/call')
      stream(response, `retry: 100\nid: e1\ndata: ${noteText}\n\nid: e2\ndata: ${noteText}\n`).end()
    else return false
    return true
  })
  const client = await introducedClient(server, { standaloneStream: false })
  await client.transport.send(call)
  await client.answerTo(1)
  expect(client.messages.slice(1)).toEqual([note, answer])
  expect(client.errors).toEqual([])
  expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual(['e1'])
})
