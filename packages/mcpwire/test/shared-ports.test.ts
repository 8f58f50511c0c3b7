import { connect as connectSocket } from 'node:net'
import type { JsonRpcPeer } from '@mcpwire/core'
import { freePort } from '@mcpwire/test-support/ports'
import { describe, expect, test, vi } from 'vitest'
import type { EndpointOptions } from '../src/index.js'
import { sharedPorts } from '../src/shared-ports.js'
import { program, run, serverCommand } from './support/bin.js'
import { certificate, connect, listening } from './support/listening.js'

vi.setConfig({ testTimeout: 20_000 })

describe('the URLs of one port', () => {
  test.each<[string, readonly string[], readonly (readonly [number, number])[]]>([
    ['http and ws', ['http://127.0.0.1:8080/mcp', 'ws://127.0.0.1:8080/mcp'], [[1, 0]]],
    ['ws and http', ['ws://127.0.0.1:8080/ws', 'http://127.0.0.1:8080/mcp'], [[0, 1]]],
    ['https and wss', ['https://a:8443/mcp', 'wss://A:8443/mcp'], [[1, 0]]],
    ['default ports', ['http://127.0.0.1/mcp', 'ws://127.0.0.1:80/mcp'], [[1, 0]]],
    ['wildcards', ['http://0.0.0.0:8080/mcp', 'ws://0.0.0.0:8080/mcp'], [[1, 0]]],
    [
      'two pairs',
      ['http://h:1/', 'ws://h:2/', 'ws://h:1/', 'http://h:2/'],
      [
        [2, 0],
        [1, 3],
      ],
    ],
    ['free ports', ['http://127.0.0.1:0/mcp', 'ws://127.0.0.1:0/mcp', 'http://127.0.0.1:0/mcp'], []],
    ['other hosts', ['http://127.0.0.1:1/', 'ws://127.0.0.2:1/', 'tcp://[::1]:1'], []],
    ['other ports', ['http://h:1/', 'http://h:2/', 'tcp://h:3', 'unix:/a', 'unix:/b'], []],
  ])('are found for %s', (_what, urls, pairs) => {
    expect([...sharedPorts(urls)]).toEqual(expect.arrayContaining(pairs.map((pair) => [...pair])))
    expect(sharedPorts(urls).size).toBe(pairs.length)
  })

  test.each([
    [['http://h:1/a', 'http://h:1/b']],
    [['http://h:1/a', 'http://h:1/a']],
    [['ws://h:1/a', 'ws://h:1/b']],
    [['http://h:1/', 'https://h:1/']],
    [['ws://h:1/', 'wss://h:1/']],
    [['http://h:1/', 'wss://h:1/']],
    [['https://h:1/', 'ws://h:1/']],
    [['tcp://h:1', 'tcp://h:1']],
    [['tcp://h:1', 'tcps://h:1']],
    [['tcp://h:1', 'http://h:1/']],
    [['tcp://h:80', 'http://h/']],
    [['ws://h:1/', 'tcp://h:1']],
    [['http://h:1/', 'ws://h:1/', 'ws://h:1/other']],
    [['http://0.0.0.0:1/', 'ws://127.0.0.1:1/']],
    [['tcp://[::]:1', 'tcp://127.0.0.1:1']],
    [['http://localhost:1/', 'ws://127.0.0.1:1/']],
    [['http://[::1]:1/', 'http://localhost:1/']],
    [['unix:/a', 'unix:/a']],
  ])('are a usage error for %j', (urls) => {
    expect(() => sharedPorts(urls)).toThrow(/--listen .* and --listen /)
  })
})

describe('a bridge with http and ws on one port', () => {
  test.each([
    ['the same path', '/mcp', '/mcp'],
    ['two paths', '/mcp', '/ws'],
  ])('serves both at %s', async (_what, httpPath, wsPath) => {
    const port = await freePort()
    const urls = [`ws://127.0.0.1:${port}${wsPath}`, `http://127.0.0.1:${port}${httpPath}`]
    const { addresses, process, exit, logged } = await listening(urls)
    expect(addresses).toEqual(urls)
    const clients = await Promise.all(addresses.map((address) => connected(address)))
    const echoes = await Promise.all(clients.map((client, n) => client.request('echo', { n })))
    expect(echoes).toEqual([{ n: 0 }, { n: 1 }])
    expect(await ask(port, `POST ${httpPath} HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade`)).toMatch(
      / 4(00|15) /,
    )
    expect(await ask(port, 'GET /other HTTP/1.1')).toMatch(/ 404 /)
    for (const client of clients) await client.close()
    process.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(logged().filter((line) => /error|not released/i.test(line))).toEqual([])
  })

  test('serves both over TLS', async () => {
    const { certFile, keyFile } = certificate('127.0.0.1')
    const port = await freePort()
    const urls = [`https://127.0.0.1:${port}/mcp`, `wss://127.0.0.1:${port}/mcp`]
    const { addresses, process, exit } = await listening(urls, [
      '--listen-cert',
      certFile,
      '--listen-key',
      keyFile,
    ])
    const clients = await Promise.all(
      addresses.map((address) => connected(address, { tls: { caFile: certFile } })),
    )
    expect(await Promise.all(clients.map((client) => client.request('ping')))).toEqual([{}, {}])
    process.kill('SIGTERM')
    expect(await exit).toBe(0)
  })

  test('refuses two listeners of one port that cannot share it, before it binds', async () => {
    const { exit, stderr } = run([
      ...[...program, 'bridge', '--listen', 'http://127.0.0.1:7001/a', '--listen', 'tcp://127.0.0.1:7001'],
      ...['--', ...serverCommand('raw-server')],
    ])
    expect(await exit).toBe(2)
    expect(stderr()).toMatch(/use the same port/)
  })
})

/** A client after its `initialize`, which opens a session over HTTP. */
async function connected(address: string, options: EndpointOptions = {}): Promise<JsonRpcPeer> {
  const client = await connect(address, options)
  const clientInfo = { name: 'test', version: '1' }
  await client.request('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
  return client
}

function ask(port: number, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ port, host: '127.0.0.1' }).on('error', reject)
    let text = ''
    socket.on('data', (data) => {
      text += data
    })
    socket.on('end', () => resolve(text))
    socket.write(`${head}\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
  })
}
