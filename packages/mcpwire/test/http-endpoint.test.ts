import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { peer } from '@mcpwire/core'
import { initializeParams } from '@mcpwire/test-support/messages'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { endpoint, isSecure, listenerAt } from '../src/endpoint.js'
import { program, run, serverCommand } from './support/bin.js'
import { certificate, folder, listening } from './support/listening.js'

describe('an http: endpoint', () => {
  test('connects a client to a listener', async () => {
    const listener = await listenerAt('http://127.0.0.1:0/some/path')
    onTestFinished(() => listener.close())
    listener.onconnection = (connection) => {
      const server = peer(connection, {
        requests: { initialize: (params) => ({ protocolVersion: params?.['protocolVersion'] }) },
      })
      void server.start()
    }
    await listener.start()
    expect(listener.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/some\/path$/)
    const client = peer(await endpoint(listener.url))
    onTestFinished(() => client.close())
    await client.start()
    const answer = await client.request('initialize', { protocolVersion: '2025-11-25' })
    expect(answer).toEqual({ protocolVersion: '2025-11-25' })
  })

  test('rejects credentials, query, fragment and certificates without TLS', async () => {
    for (const url of ['http://h/?token=x', 'http://u:p@h/', 'http://h/#x'])
      await expect(listenerAt(url)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(listenerAt('http://127.0.0.1:0/', { tls: {} })).rejects.toMatchObject({
      details: { option: 'tls' },
    })
    await expect(endpoint('http://127.0.0.1/', { tls: {} })).rejects.toMatchObject({
      details: { option: 'tls' },
    })
    await expect(endpoint('http://u:p@127.0.0.1/')).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(listenerAt('https://127.0.0.1:0/')).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    expect({ http: isSecure('http://h'), https: isSecure('https://h') }).toEqual({ http: false, https: true })
  })

  test('accepts headers, which a command rejects', async () => {
    await expect(endpoint(['true'], { headers: { a: 'b' } })).rejects.toMatchObject({
      details: { option: 'headers' },
    })
    expect((await endpoint('http://127.0.0.1:1/', { headers: { a: 'b' } })).state).toBe('idle')
  })
})

describe('mcpwire bridge over HTTP', () => {
  const clients = {
    v1: async (url: string) => {
      const client = new ClientV1({ name: 'test', version: '1.0.0' })
      await client.connect(await endpoint(url))
      return client
    },
    v2: async (url: string) => {
      const client = new ClientV2(
        { name: 'test', version: '1.0.0' },
        { versionNegotiation: { mode: 'auto' } },
      )
      await client.connect(await endpoint(url))
      return client
    },
  }

  test.each(['v1', 'v2'] as const)('serves a client of SDK %s with one process per session', async (sdk) => {
    const bridge = await listening(['http://127.0.0.1:0/mcp'], [], serverCommand('v1-server'))
    const [url = ''] = bridge.addresses
    const client = await clients[sdk](url)
    onTestFinished(() => client.close())
    expect((await client.listTools()).tools.length).toBeGreaterThan(0)
    // A second bridge in front, as the host of a client would start it: standard input to HTTP.
    const chained = new ClientV1({ name: 'test', version: '1.0.0' })
    await chained.connect(await endpoint([...program, 'bridge', url]))
    onTestFinished(() => chained.close())
    expect((await chained.listTools()).tools.length).toBeGreaterThan(0)
  })

  test('shares one server between all clients of 2026-07-28, which has no sessions', async () => {
    const bridge = await listening(['http://127.0.0.1:0/mcp'], ['--verbose'], serverCommand('v2-server'))
    const calls = ['alice', 'bob'].map(async (name) => {
      const pinned = { mode: { pin: '2026-07-28' } }
      const client = new ClientV2({ name, version: '1.0.0' }, { versionNegotiation: pinned })
      await client.connect(await endpoint(bridge.addresses[0] ?? ''))
      onTestFinished(() => client.close())
      return await client.listTools()
    })
    for (const { tools } of await Promise.all(calls)) expect(tools.length).toBeGreaterThan(0)
    expect(bridge.logged()).toEqual([expect.stringMatching(/^mcpwire bridge #1: running /)])
  })

  test('serves over TLS', async () => {
    const { certFile, keyFile } = certificate('over https')
    const flags = ['--listen-cert', certFile, '--listen-key', keyFile]
    const bridge = await listening(['https://127.0.0.1:0/mcp'], flags, serverCommand('v1-server'))
    const client = new ClientV1({ name: 'test', version: '1.0.0' })
    await client.connect(await endpoint(bridge.addresses[0] ?? '', { tls: { caFile: certFile } }))
    onTestFinished(() => client.close())
    expect((await client.listTools()).tools.length).toBeGreaterThan(0)
  })
})

describe('mcpwire --header', () => {
  async function receivedHeaders(...flags: string[]): Promise<Record<string, unknown>> {
    let received: Record<string, unknown> = {}
    const server = createServer((request, response) => {
      received = request.headers
      response.writeHead(401).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const probing = run([...program, 'probe', ...flags, `http://127.0.0.1:${port}/mcp`])
    expect(await probing.exit).toBe(1)
    return received
  }

  test('is sent from the command line and from a file', async () => {
    const file = join(folder(), 'headers')
    writeFileSync(file, '# a comment\nAuthorization: Bearer from-file\n\n')
    const received = await receivedHeaders('--header', 'X-Team:  tools ', '--header', `@${file}`)
    expect(received).toMatchObject({ 'x-team': 'tools', authorization: 'Bearer from-file' })
  })

  test('is rejected without showing its value', async () => {
    for (const line of ['secret', 'Bad Name: secret', 'Authorization: sec\nret', 'Empty:']) {
      const probing = run([...program, 'probe', '--header', line, 'http://127.0.0.1:1/'])
      expect(await probing.exit).toBe(2)
      expect(probing.stderr()).toContain('--header must be')
      expect(probing.stderr()).not.toContain('secret')
    }
    const missing = run([...program, 'probe', '--header', '@/nowhere/at/all', 'http://127.0.0.1:1/'])
    expect(await missing.exit).toBe(2)
    expect(missing.stderr()).toContain('--header @/nowhere/at/all: ')
    const elsewhere = run([...program, 'probe', '--header', 'a: b', '--', 'true'])
    expect(await elsewhere.exit).toBe(2)
    expect(elsewhere.stderr()).toContain('--header requires')
  })
})

describe('mcpwire with an HTTP server that fails', () => {
  const initialize = {
    jsonrpc: '2.0' as const,
    id: 1,
    method: 'initialize',
    params: initializeParams(),
  }

  async function respondingWith(status: number, type: string, text: string, path = '/mcp'): Promise<string> {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(status, { 'content-type': type }).end(text))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
  }

  test('suggests the usual path after a 404', async () => {
    const url = await respondingWith(404, 'text/plain', 'no', '/')
    const hint = / status 404; .*: most MCP servers use \/mcp\b/
    const bridge = run([...program, 'bridge', url])
    bridge.send(initialize)
    await bridge.responseTo(1)
    bridge.process.stdin?.end()
    expect(await bridge.exit).toBe(1)
    expect(bridge.stderr()).toMatch(hint)

    const probes = [url, `${url}mcp`].map((each) => run([...program, 'probe', '--json', each]))
    expect(await Promise.all(probes.map(({ exit }) => exit))).toEqual([1, 1])
    const [wrong, usual] = probes.map(({ stdout }) => JSON.parse(stdout()))
    expect(wrong).toMatchObject({ address: url, error: { address: url, option: null } })
    expect(wrong.error.message).toMatch(hint)
    expect(usual.error.message).toMatch(
      / status 404; check the path in the URL; servers of HTTP\+SSE usually respond at /,
    )
  })

  test('logs nothing about requests that a signal interrupts', async () => {
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const requested = new Promise((resolve) => server.once('request', resolve))
    const bridge = run([
      ...program,
      'bridge',
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    ])
    bridge.send(initialize)
    await requested
    bridge.process.kill('SIGINT')
    expect(await bridge.exit).toBe(0)
    expect(bridge.stderr()).toBe('')
  })

  test('reports the status of a refusal once, also if the transport created the response', async () => {
    const url = await respondingWith(407, 'text/plain', 'no')
    const probing = run([...program, 'probe', '--json', url])
    expect(await probing.exit).toBe(1)
    expect(JSON.parse(probing.stdout()).error).toMatchObject({
      code: 'REFUSED',
      message: expect.stringMatching(/ responded with status 407\b/),
    })
    expect(probing.stderr()).toBe('')
  })

  test('names --header in the report of a probe after a 401', async () => {
    const url = await respondingWith(401, 'text/plain', 'no')
    const probing = run([...program, 'probe', '--json', url])
    expect(await probing.exit).toBe(1)
    expect(JSON.parse(probing.stdout())).toMatchObject({
      address: url,
      error: {
        code: 'AUTH_REQUIRED',
        address: url,
        option: '--header',
        message: expect.stringMatching(/ status 401: no; authentication required: .*--header/),
      },
    })
  })

  test.each([
    ['does not run', undefined, /^mcpwire bridge: CONNECT_FAILED: .*http:.*ECONNREFUSED/],
    [
      'requires authentication',
      [401, 'text/plain', 'no'],
      /AUTH_REQUIRED: .* status 401: no; authentication required: .*--header/,
    ],
    ['fails', [500, 'text/plain', 'no'], /SEND_FAILED: .* responded with status 500: no$/],
    ['responds with HTML', [200, 'text/html', '<p>'], /OUTCOME_UNKNOWN: .*\b200\b.*text\/html/],
  ] as const)('logs one line for a server that %s', async (_name, response, line) => {
    const url = response
      ? await respondingWith(response[0], response[1], response[2])
      : 'http://127.0.0.1:9/mcp'
    const bridge = run([...program, 'bridge', url])
    bridge.send(initialize)
    expect(await bridge.responseTo(1)).toHaveProperty('error')
    bridge.process.stdin?.end()
    const exit = await bridge.exit
    const lines = bridge.stderr().trim().split('\n')
    expect(lines).toEqual([expect.stringMatching(line)])
    // A server that responds at all, even with HTML, does not fail the bridge.
    expect(exit).toBe(response?.[0] === 200 ? 0 : 1)
  })
})
