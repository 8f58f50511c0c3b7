import { connect as connectSocket } from 'node:net'
import { initializeParams } from '@mcpwire/test-support/messages'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { program, run, serverCommand } from './support/bin.js'
import { childrenOf } from './support/children.js'
import { listening } from './support/listening.js'

const arrays = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const objects = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const mixed = (depth: number): string => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`

/** The text of a request, as JSON.stringify() cannot make it. */
const request = (deep: string, more = ''): string =>
  `{"jsonrpc":"2.0","id":"deep","method":"echo","params":{"deep":${deep}${more}}}`
const ping = '{"jsonrpc":"2.0","id":"ping","method":"ping"}'

const depths: [string, string][] = [
  ['5 000 arrays', arrays(5_000)],
  ['5 000 objects', objects(5_000)],
  ['20 000 arrays and objects', mixed(20_000)],
  ['500 000 arrays', arrays(500_000)],
]
const rejected = { error: { code: -32_600, data: { code: 'SEND_FAILED', delivery: 'none' } } }

/** A platform without a limit of JSON.stringify(), such as Node 26, passes a deep message on. */
const isPassed = (response: object): boolean => 'result' in response

describe('a request nested too deeply', () => {
  test.each(depths)('(%s) fails alone over standard streams', async (_, deep) => {
    const bridging = run([...program, 'bridge', '--', ...serverCommand('raw-server')])
    const { pid } = await bridging.call('facts')
    const failed = bridging.responseTo('deep')
    bridging.process.stdin?.write(`${request(deep)}\n`)
    const response = await failed
    if (!isPassed(response)) {
      expect(response).toMatchObject(rejected)
      expect(JSON.stringify(response)).toContain('nested too deeply')
    }
    expect((await bridging.call('facts'))['pid']).toBe(pid)
  })

  test.each(depths)('(%s) fails alone over TCP', async (_, deep) => {
    const { addresses, process: bridging } = await listening(['tcp://127.0.0.1:0'])
    const socket = connectSocket(Number(new URL(addresses[0] ?? '').port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    socket.write(`${request(deep)}\n${ping}\n`)
    const messages = (): { id: string }[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    await vi.waitFor(() => expect(messages()).toHaveLength(2))
    const response = messages().find(({ id }) => id === 'deep') ?? {}
    if (!isPassed(response)) expect(response).toMatchObject(rejected)
    expect(messages().find(({ id }) => id === 'ping')).toEqual({ jsonrpc: '2.0', id: 'ping', result: {} })
    expect(childrenOf(bridging)).toHaveLength(1)
  })

  test.each(depths)('(%s) fails alone over HTTP, in both eras', async (_, deep) => {
    const { addresses, process: bridging } = await listening(['http://127.0.0.1:0/mcp'])
    const post = async (body: string, headers: Record<string, string> = {}): Promise<[Response, object]> => {
      const response = await fetch(addresses[0] ?? '', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
        body,
      })
      return [response, JSON.parse(await response.text())]
    }
    const params = initializeParams('2025-11-25')
    const opening = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })
    const [opened] = await post(opening)
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    const [, response] = await post(request(deep), session)
    if (!isPassed(response)) expect(response).toMatchObject(rejected)
    expect((await post(ping, session))[1]).toMatchObject({ result: {} })

    const meta =
      ',"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}'
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'echo' }
    const [, failed] = await post(request(deep, meta), modern)
    if (!isPassed(failed)) expect(failed).toMatchObject({ id: 'deep', ...rejected })
    expect((await post(request('[[]]', meta), modern))[1]).toMatchObject({ result: { deep: [[]] } })
    expect(childrenOf(bridging)).toHaveLength(2)
  })
})

test('a response nested too deeply fails its request alone, which has run', async () => {
  const code = `
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method } = JSON.parse(line)
      const result = method === 'deep' ? '{"deep":' + '['.repeat(5000) + ']'.repeat(5000) + '}' : '{}'
      console.log('{"jsonrpc":"2.0","id":"' + id + '","result":' + result + '}')
    })`
  const bridging = run([...program, 'bridge', '--', process.execPath, '--eval', code])
  const failed = bridging.responseTo('deep')
  bridging.send({ jsonrpc: '2.0', id: 'deep', method: 'deep' })
  const response = await failed
  if (!isPassed(response)) {
    expect(response).toMatchObject({
      error: { code: -32_603, data: { code: 'SEND_FAILED', delivery: 'unknown' } },
    })
  }
  expect(await bridging.call('ping')).toEqual({})
})
