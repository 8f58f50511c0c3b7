import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { initializeParams } from '@mcpwire/test-support/messages'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { endpoint } from '../src/endpoint.js'
import { program, run, serverCommand, untilGone } from './support/bin.js'
import { childrenOf } from './support/children.js'
import { connect, listening } from './support/listening.js'
import { outputOf } from './support/output.js'

const HTTP = 'http://127.0.0.1:0/mcp'
const TCP = 'tcp://127.0.0.1:0'
const info = { name: 'test', version: '1.0.0' }

describe('a server/discover', () => {
  const connectV2 = async (url = ''): Promise<ClientV2> => {
    const client = new ClientV2(info, { versionNegotiation: { mode: 'auto' } })
    onTestFinished(() => client.close())
    await client.connect(await endpoint(url))
    return client
  }

  test('leaves no server of v1 behind, and the client gets one of its own', async () => {
    const { addresses, process } = await listening([HTTP], [], serverCommand('v1-server'))
    const client = await connectV2(addresses[0])
    expect(client.getNegotiatedProtocolVersion()).toBe('2025-11-25')
    expect((await client.listTools()).tools.length).toBeGreaterThan(0)
    await vi.waitFor(() => expect(childrenOf(process)).toHaveLength(1))
    const second = await connectV2(addresses[0])
    expect((await second.listTools()).tools.length).toBeGreaterThan(0)
    await vi.waitFor(() => expect(childrenOf(process)).toHaveLength(2))
    await client.close()
    await second.close()
  })

  test('of two clients leaves one server of v2, which they share', async () => {
    const { addresses, process } = await listening([HTTP], [], serverCommand('v2-server'))
    const clients = [await connectV2(addresses[0]), await connectV2(addresses[0])]
    for (const client of clients) {
      expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28')
      expect((await client.listTools()).tools.length).toBeGreaterThan(0)
    }
    expect(childrenOf(process)).toHaveLength(1)
  })
})

describe('--session-idle-ms', () => {
  test('ends the server of a client that has vanished', async () => {
    const { addresses, logged } = await listening([HTTP], ['--session-idle-ms', '500'])
    const post = (message: object, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(addresses[0] ?? '', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
        body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      })
    const opened = await post({ id: 1, method: 'initialize', params: initializeParams('2025-11-25') })
    await opened.text()
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    const { result } = JSON.parse(await (await post({ id: 2, method: 'facts' }, session)).text())
    await untilGone(result.pid)
    await vi.waitFor(() => expect(logged()).toEqual([expect.stringContaining('--session-idle-ms (500)')]))
    expect((await post({ id: 3, method: 'ping' }, session)).status).toBe(404)
  })
})

describe('--max-total-bytes', () => {
  test('ends the connections that hold the most unfinished input, and logs it once with the flag', async () => {
    const { addresses, rawStderr } = await listening([TCP], ['--max-total-bytes', '1000000'])
    const other = await connect(addresses[0])
    await other.request('ping')
    const port = Number(new URL(addresses[0] ?? '').port)
    const sockets = Array.from({ length: 8 }, () => {
      const socket = connectSocket(port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {})
      socket.resume().write(`{"jsonrpc":"2.0","id":1,"method":"${'x'.repeat(400_000)}`)
      return socket
    })
    const ended = (): Socket[] => sockets.filter(({ destroyed, readableEnded }) => destroyed || readableEnded)
    await vi.waitFor(() => expect(ended().length).toBeGreaterThanOrEqual(6))
    expect(await other.request('ping')).toEqual({})
    const lines = (): string[] =>
      rawStderr()
        .split('\n')
        .filter((line) => line.includes('OVERLOADED'))
    await vi.waitFor(() => expect(lines().join()).toMatch(/mcpwire bridge: .* ended/))
    for (const line of lines()) expect(line).toMatch(/ warn .*--max-total-bytes \(1000000\)/)
    // The first at once, the others of the second together.
    expect(lines().length).toBeLessThan(6)
  })
})

describe('--ping-interval-ms', () => {
  test('finds a server over TCP that is silent while a request is in flight', async () => {
    const server = createServer((socket) => {
      onTestFinished(() => void socket.destroy())
      socket
        .on('error', () => {})
        .once('data', () => {
          socket.write(
            '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}\n',
          )
        })
    })
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const bridging = run([...program, 'bridge', `tcp://127.0.0.1:${port}`, '--ping-interval-ms', '100'])
    const initialized = bridging.responseTo(1)
    bridging.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams('2025-11-25') })
    await initialized
    bridging.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    const lost = bridging.responseTo(2)
    bridging.send({ jsonrpc: '2.0', id: 2, method: 'hang' })
    expect(await lost).toMatchObject({ error: { code: -31_002, data: { code: 'PEER_LOST' } } })
    expect(await bridging.exit).toBe(1)
    expect(bridging.stderr()).toMatch(/PEER_LOST: .*--ping-interval-ms/)
  })
})

describe('the flags of limits', () => {
  test.each([
    [['--session-idle-ms', '0'], 'whole number of at least 1'],
    [['--session-idle-ms', '1000'], '--session-idle-ms requires --listen'],
    [['--session-idle-ms', '1000', '--listen', TCP], '--session-idle-ms requires --listen with an http://'],
    [['--max-total-bytes', '1023'], 'whole number of at least 1024'],
    [['--max-total-bytes', '1.5'], 'whole number of at least 1024'],
    [['--ping-interval-ms', '0'], 'whole number of at least 1'],
    [['--ping-interval-ms', '1000'], '--ping-interval-ms requires a tcp:// or tcps:// URL'],
    [['--ping-interval-ms', '1000', '--listen', HTTP], '--ping-interval-ms requires a tcp:// or tcps:// URL'],
  ])('%j is invalid usage', async (flags, text) => {
    const { exitCode, stderr } = await outputOf(['bridge', ...flags, '--', 'node'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(text) })
  })
})
