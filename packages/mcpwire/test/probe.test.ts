import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { memoryPair, peer } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { endpoint } from '../src/index.js'
import { type ProbeReport, probe } from '../src/probe.js'
import { program, run, serverCommand, untilGone } from './support/bin.js'

function probed(server: readonly string[], timeoutMs = 20_000): Promise<ProbeReport> {
  return probe(() => endpoint(server, { stderr: 'ignore' }), { count: 3, timeoutMs })
}

describe('probe()', () => {
  test.each([
    ['v1-server', 'of the v1 SDK', ['legacy'], '2025-11-25', 'v1', 'ping'],
    ['v2-server', 'of the v2 SDK', ['modern', 'legacy'], '2026-07-28', 'v2', 'server/discover'],
  ] as const)(
    'reports eras, tools and times of a server (%s) %s',
    async (name, _, eras, protocolVersion, server, method) => {
      const report = await probed(serverCommand(name))
      expect(report).toMatchObject({
        healthy: true,
        eras,
        protocolVersion,
        server: { name: server },
        tools: { count: 2, names: ['add', 'wait'] },
        roundTrips: { method, count: 3 },
        error: null,
      })
      const { connectMs, roundTrips } = report
      expect(connectMs).toBeGreaterThan(0)
      const { p50Ms, p90Ms, p99Ms, maxMs } = roundTrips as NonNullable<typeof roundTrips>
      const quantiles = [p50Ms, p90Ms, p99Ms, maxMs]
      expect(quantiles).toEqual(quantiles.toSorted((a, b) => a - b))
      expect(p50Ms).toBeGreaterThan(0)
    },
  )

  test('reports a server that supports 2026-07-28 only', async () => {
    const report = await probed(serverCommand('v2-server', 'reject'))
    expect(report).toMatchObject({ healthy: true, eras: ['modern'], tools: { count: 2 } })
  })

  test('reports no tools for a server without that capability', async () => {
    const report = await probed(serverCommand('raw-server', 'modern-only'))
    expect(report).toMatchObject({ healthy: true, eras: ['modern'], server: { name: 'raw' }, tools: null })
  })

  test('uses a later revision with a server that supports no other', async () => {
    const report = await probed(serverCommand('raw-server', 'too-new'))
    expect(report).toMatchObject({ healthy: true, eras: ['modern'], protocolVersion: '2999-01-01' })
  })

  test('lists tools from every page', async () => {
    const report = await probed(serverCommand('raw-server'))
    expect(report.tools).toEqual({ count: 2, names: ['one', 'two'] })
  })

  test.each([
    ['does not respond to server/discover', 'silent'],
    ['exits on server/discover', 'sensitive'],
    ['writes a banner first', 'noisy'],
  ])('reports a legacy server that %s as healthy', async (_, mode) => {
    const report = await probed(serverCommand('raw-server', mode), mode === 'silent' ? 500 : 20_000)
    expect(report).toMatchObject({ healthy: true, eras: ['legacy'], protocolVersion: '2025-11-25' })
  })

  test.each([
    ['cannot be started', ['/nowhere/at-all'], 'CONNECT_FAILED', /was not found/],
    [
      'exits',
      [process.execPath, '--eval', 'console.error("no config"); process.exit(2)'],
      'PROCESS_EXITED',
      /exited with code 2: no config/,
    ],
    [
      'does not respond',
      [process.execPath, '--eval', 'process.stdin.resume()'],
      'REQUEST_TIMEOUT',
      /initialize/,
    ],
    ['responds with an unknown version', serverCommand('raw-server', 'futuristic'), null, /2999-01-01/],
    ['lists endless tools', serverCommand('raw-server', 'endless'), null, /100 pages/],
  ])('reports a server that %s as not healthy', async (_, server, code, message) => {
    const report = await probed(server, code === 'REQUEST_TIMEOUT' ? 300 : 20_000)
    expect(report).toMatchObject({ healthy: false, error: { code, message: expect.stringMatching(message) } })
    expect(report.roundTrips).toBeNull()
  })

  test.each([
    ['closes the connection', 'CLOSED', /^the server closed the connection/, 'memory'],
    ['may require TLS', 'PEER_LOST', /TLS/, 'tcp'],
  ])('explains the error of a server that %s', async (_, code, message, medium) => {
    const server = createServer((socket) => socket.once('data', () => socket.end())).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const ending = async () => {
      const [near, far] = memoryPair()
      far.onmessage = () => void far.close()
      await far.start()
      return near
    }
    const { port } = server.address() as AddressInfo
    const connect = medium === 'tcp' ? () => endpoint(`tcp://127.0.0.1:${port}`) : ending
    const { error } = await probe(connect, { count: 1, timeoutMs: 5_000 })
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('explains the exit of a program with code 0', async () => {
    const { error } = await probed(['sh', '-c', 'exit 0'])
    expect(error).toMatchObject({
      code: 'CLOSED',
      message: expect.stringContaining('exited with code 0'),
    })
  })

  test.each([
    [{ tools: null }, /not an array/],
    [{}, /not an array/],
    [{ tools: [null] }, /no name/],
    [{ tools: [{}] }, /no name/],
    [{ tools: [{ name: 'a' }], nextCursor: null }, /nextCursor/],
  ])('reports the invalid tools/list result %j', async (page, message) => {
    const connect = async () => {
      const [near, far] = memoryPair()
      const requests = {
        initialize: () => ({ protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: {} }),
        'tools/list': () => page,
      }
      await peer(far, { requests }).start()
      return near
    }
    const { healthy, tools, error } = await probe(connect, { count: 1, timeoutMs: 1_000 })
    expect({ healthy, tools, message: error?.message }).toEqual({
      healthy: false,
      tools: null,
      message: expect.stringMatching(message),
    })
  })

  test.each(['ws', 'tcps', 'http'])(
    'limits the connect time to a silent %s: peer by timeoutMs',
    async (scheme) => {
      const server = createServer(() => {}).listen(0, '127.0.0.1')
      onTestFinished(() => void server.close())
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const address = `${scheme}://127.0.0.1:${port}`
      const { error } = await probe(() => endpoint(address), { count: 1, timeoutMs: 300, address })
      const code = expect.stringMatching(/_TIMEOUT$/)
      expect(error).toMatchObject({ code, address: expect.stringContaining(address), option: '--timeout-ms' })
      expect(error?.message).toContain('300 ms')
    },
  )

  test('keeps the text of a server, and takes no option from it', async () => {
    const text = 'error: option "path" needs --foo, or maxMessageBytes'
    const server = [process.execPath, '--eval', `console.error(${JSON.stringify(text)}); process.exit(2)`]
    const failing = async () => {
      const [near, far] = memoryPair()
      const initialize = (): never => {
        throw new Error(text)
      }
      await peer(far, { requests: { initialize } }).start()
      return near
    }
    const message = expect.stringContaining(text)
    expect((await probed(server)).error).toMatchObject({ code: 'PROCESS_EXITED', message, option: null })
    const { error } = await probe(failing, { count: 1, timeoutMs: 1_000 })
    expect(error).toMatchObject({ code: -32_603, message, option: null })
  })

  test('reports an error response of the server', async () => {
    const connect = async () => {
      const [near, far] = memoryPair()
      const requests = {
        initialize: () => ({ protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: {} }),
      }
      await peer(far, { requests }).start()
      return near
    }
    expect(await probe(connect, { count: 1, timeoutMs: 1_000 })).toMatchObject({
      healthy: false,
      eras: ['legacy'],
      protocolVersion: '2025-06-18',
      server: null,
      error: { code: -32_601 },
    })
  })
})

describe('mcpwire probe', () => {
  test('prints a table and exits with code 0 for a healthy server', async () => {
    const { stdout, exit } = run([...program, 'probe', '--count', '2', '--', ...serverCommand('v2-server')])
    expect(await exit).toBe(0)
    expect(stdout()).toMatch(/health +│ healthy/)
    expect(stdout()).toMatch(/tools +│ 2: add, wait/)
    expect(stdout()).toMatch(/round trips +│ 2 × server\/discover/)
    expect(stdout()).not.toContain('\u001b')
  })

  test('prints JSON of the documented shape', async () => {
    const { stdout, exit } = run([...program, 'probe', '--json', '--', ...serverCommand('raw-server')])
    expect(await exit).toBe(0)
    const report = JSON.parse(stdout())
    expect(Object.keys(report)).toEqual([
      'healthy',
      'address',
      'transport',
      'eras',
      'protocolVersion',
      'server',
      'connectMs',
      'tools',
      'roundTrips',
      'error',
    ])
    expect(report.roundTrips.count).toBe(20)
  })

  test('exits with code 1 and prints the error to standard output for an unhealthy server', async () => {
    const { stdout, exit } = run([...program, 'probe', '--json', '--', '/nowhere/at-all'])
    expect(await exit).toBe(1)
    expect(JSON.parse(stdout())).toMatchObject({ healthy: false, error: { code: 'CONNECT_FAILED' } })
  })

  test.each([[[]], [['--json']]])('exits with code 0 if standard output is closed (%j)', async (options) => {
    const probing = run([...program, 'probe', ...options, '--', ...serverCommand('raw-server')])
    probing.process.stdout?.destroy()
    expect(await probing.exit).toBe(0)
    expect(probing.stderr()).toBe('')
  })

  test('logs one line if the result cannot be written', async () => {
    const command = [...program, 'probe', '--', ...serverCommand('raw-server')]
    const quoted = command.map((each) => `'${each}'`).join(' ')
    const probing = run(['sh', '-c', `${quoted} > /dev/full`])
    expect(await probing.exit).toBe(1)
    expect(probing.stderr()).toMatch(/^mcpwire probe: ENOSPC: .*\n$/)
  })

  const silentServer = [process.execPath, '--eval', 'process.stdin.resume()']

  test.each([
    ['a missing command', ['--', '/nowhere/at-all'], 'stdio:/nowhere/at-all', 'CONNECT_FAILED', null],
    ['a missing folder', ['--cwd', '/nowhere', '--', 'node'], 'stdio:node', 'CONNECT_FAILED', '--cwd'],
    [
      'a silent server',
      ['--timeout-ms', '300', '--', ...silentServer],
      `stdio:${process.execPath}`,
      'REQUEST_TIMEOUT',
      '--timeout-ms',
    ],
    [
      'a server that exits',
      ['--', process.execPath, '--eval', '0'],
      `stdio:${process.execPath}`,
      'CLOSED',
      null,
    ],
    ['an unused URL', ['ws://127.0.0.1:1/mcp?key=secret'], 'ws://127.0.0.1:1/mcp', 'CONNECT_FAILED', null],
  ])('prints the address, the code and the option as JSON for %s', async (_, argv, address, code, option) => {
    const { stdout, stderr, exit } = run([...program, 'probe', '--json', ...argv])
    expect(await exit).toBe(1)
    const report = JSON.parse(stdout())
    expect(report).toMatchObject({ healthy: false, address, error: { code, address, option } })
    expect(report.error.message).toEqual(expect.stringMatching(option ?? /./))
    expect(stdout() + stderr()).not.toContain('secret')
    // The log does not repeat the error.
    expect(stderr()).not.toContain(report.error.message)
  })

  test('kills the server when it is interrupted', async () => {
    const silent = [
      process.execPath,
      '--eval',
      'console.error("up", process.pid); setInterval(() => {}, 1000)',
    ]
    const { process: probing, stderr, exit } = run([...program, 'probe', '--', ...silent])
    await vi.waitFor(() => expect(stderr()).toMatch(/up \d+/))
    const pid = Number(/up (\d+)/.exec(stderr())?.[1])
    probing.kill('SIGINT')
    expect(await exit).toBe(128 + 2)
    await untilGone(pid)
  })
})
