import { connect } from 'node:net'
import { until } from '@mcpwire/compliance'
import { allOf } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bearer, hostIn, originIn, TokenError } from '../src/index.js'
import { apiKey } from '../src/node/index.js'
import { type Served, type Wire, wires } from './support/wires.js'

const TIMEOUT_MS = 30_000
const GOOD = 'good-token-0123456789'
const BAD = 'bad-token-0123456789'
const KEY = 'key-of-ci-0123456789abcdef'

const tokens = bearer({
  verify: (token) => {
    if (token !== GOOD) throw new TokenError('invalid_token', 'the token is not known')
    return { authInfo: { token, clientId: 'ada', scopes: [] } }
  },
})

/** Sends the head of a request as it is. Returns the status of the response. */
async function statusOf({ listener }: Served, name: Wire['name'], lines: readonly string[]): Promise<number> {
  const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
  })
  const usual =
    name === 'http'
      ? [
          'POST /mcp HTTP/1.1',
          'content-type: application/json',
          'accept: application/json, text/event-stream',
          `content-length: ${body.length}`,
        ]
      : [
          'GET /mcp HTTP/1.1',
          'connection: Upgrade',
          'upgrade: websocket',
          'sec-websocket-version: 13',
          'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
          'sec-websocket-protocol: mcp',
        ]
  socket.write(Buffer.from([...usual, ...lines, '', name === 'http' ? body : ''].join('\r\n'), 'latin1'))
  await until(() => /^HTTP\/1\.1 \d{3}/.test(text) || socket.closed, 'there is a response', TIMEOUT_MS)
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])
}

const host = 'host: 127.0.0.1'
const good = `authorization: Bearer ${GOOD}`
const bad = `authorization: Bearer ${BAD}`
const httpWires = wires.filter(({ name }) => name === 'http' || name === 'ws')

describe.each(httpWires)('over $name', ({ name, serve }) => {
  const admitted = name === 'http' ? 200 : 101

  test.each<[string, readonly string[], number]>([
    ['a valid token', [host, good], admitted],
    ['an upper-case name', [host, `AUTHORIZATION: Bearer ${GOOD}`], admitted],
    ['blanks around the value', [host, `authorization: \t Bearer ${GOOD} \t`], admitted],
    ['two tokens, the valid one first', [host, good, bad], 400],
    ['two tokens, the valid one last', [host, bad, good], 400],
    ['the same token twice', [host, good, good], 400],
    ['the same token twice, under names of other case', [host, good, `Authorization: Bearer ${GOOD}`], 400],
    ['a list in one header', [host, `${bad}, Bearer ${GOOD}`], 400],
    ['a folded line', [host, 'authorization: Bearer', ` ${GOOD}`], 400],
    ['a folded line that hides a header', [host, 'x: y', ` ${good}`], name === 'http' ? 400 : 400],
    ['a bare line feed', [`${host}\n${good}`], 400],
    ['a bare carriage return', [`${host}\r${good}`], 400],
    ['a blank before the colon', [host, `authorization : Bearer ${GOOD}`], 400],
    ['a null character', [host, `authorization: Bearer ${GOOD}\0`], 400],
    ['a token in the query', [host, 'x: y'], 401],
    ['the name __proto__', [host, `__proto__: ${good}`], 401],
    ['a name with an underscore', [host, `x_authorization: Bearer ${GOOD}`], 401],
    ['the header of a proxy', [host, `x-forwarded-authorization: Bearer ${GOOD}`], 401],
    ['the credential of a proxy', [host, `proxy-authorization: Bearer ${GOOD}`], 401],
  ])('bearer gives %s the right status', async (_what, lines, status) => {
    const served = await serve(tokens)
    expect(await statusOf(served, name, lines)).toBe(status)
    if (status !== admitted) expect(served.connections).toEqual([])
  })

  test.each<[string, readonly string[], number]>([
    ['one host', [host], admitted],
    ['another host', ['host: evil.example'], 421],
    ['two hosts, the allowed one first', [host, 'host: evil.example'], 400],
    ['two hosts, the allowed one last', ['host: evil.example', host], 400],
    ['no host', [], 400],
    ['an empty host', ['host:'], 400],
    ['a user', ['host: 127.0.0.1@evil.example'], 400],
    [
      'the host of a proxy',
      ['host: evil.example', 'x-forwarded-host: 127.0.0.1', 'forwarded: host=127.0.0.1'],
      421,
    ],
  ])('hostIn gives %s the right status', async (_what, lines, status) => {
    const served = await serve(hostIn(['127.0.0.1']))
    expect(await statusOf(served, name, lines)).toBe(status)
    if (status !== admitted) expect(served.connections).toEqual([])
  })

  test.each<[string, readonly string[], number]>([
    ['one origin', [host, 'origin: https://app.example'], admitted],
    [
      'two origins, the allowed one first',
      [host, 'origin: https://app.example', 'origin: https://evil.example'],
      403,
    ],
    [
      'two origins, the allowed one last',
      [host, 'origin: https://evil.example', 'origin: https://app.example'],
      403,
    ],
    ['an origin in a referrer', [host, 'origin: null', 'referer: https://app.example/'], 403],
    ['bytes beyond ASCII', [host, 'origin: https://app.ex\u00e4mple'], 403],
  ])('originIn gives %s the right status', async (_what, lines, status) => {
    const served = await serve(originIn(['https://app.example']))
    expect(await statusOf(served, name, lines)).toBe(status)
  })

  test('apiKey refuses a key that is sent twice', async () => {
    const served = await serve(allOf(apiKey({ ci: KEY })))
    expect(await statusOf(served, name, [host, `x-api-key: ${KEY}`])).toBe(admitted)
    expect(await statusOf(served, name, [host, `x-api-key: ${KEY}`, `x-api-key: ${KEY}`])).toBe(401)
  })
})
