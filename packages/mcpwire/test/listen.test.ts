import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { isAlive, program, run, serverCommand, untilGone } from './support/bin.js'
import { connect, folder, listening, pidOf } from './support/listening.js'

const TCP = 'tcp://127.0.0.1:0'
const stubborn = serverCommand('raw-server', 'stubborn')

function socketFile(): string {
  return join(folder(), 's')
}

/** The origin of a page at that URL. */
function originOf(url = ''): string {
  return new URL(url.replace(/^ws/, 'http')).origin
}

describe('a bridge that listens', () => {
  test('starts a server for each client at any URL', async () => {
    const path = socketFile()
    const { addresses } = await listening([TCP, `unix:${path}`, TCP])
    expect(addresses).toEqual([
      expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/),
      `unix:${path}`,
      expect.stringMatching(/^tcp:/),
    ])
    const clients = await Promise.all([...addresses, ...addresses].map((address) => connect(address)))
    const pids = await Promise.all(clients.map(pidOf))
    expect(new Set(pids).size).toBe(6)
    const echoes = await Promise.all(clients.map((client, n) => client.request('echo', { n })))
    expect(echoes).toEqual(clients.map((_, n) => ({ n })))
  })

  test('connects to a server at a URL, and a bridge connects to it', async () => {
    const [behind = ''] = (await listening([TCP])).addresses
    const path = socketFile()
    const front = run([...program, 'bridge', '--listen', `unix:${path}`, behind])
    await vi.waitFor(() => expect(front.stderr()).toContain('listening on unix:'))
    const { call, process, exit } = run([...program, 'bridge', `unix:${path}`, '--verbose'])
    expect(await call('echo', { deep: [1, null] })).toEqual({ deep: [1, null] })
    process.stdin?.end()
    expect(await exit).toBe(0)
  })

  test('runs no server before a client connects, and passes the options of the server', async () => {
    const cwd = folder()
    const { addresses, logged } = await listening([TCP], ['--cwd', cwd, '--env', 'A=1', '--inherit', 'none'])
    expect(logged()).toEqual([])
    const facts = await (await connect(addresses[0])).request('facts')
    expect(facts).toMatchObject({ cwd, env: { A: '1' } })
    expect(facts['env']).not.toHaveProperty('PATH')
  })

  test('admits clients on other hosts with --allow-anonymous', async () => {
    const { addresses } = await listening(['tcp://0.0.0.0:0'], ['--allow-anonymous'])
    const client = await connect(addresses[0]?.replace('0.0.0.0', '127.0.0.1'))
    expect(await client.request('ping')).toEqual({})
  })

  test.each(['http://0.0.0.0:0/mcp', 'ws://0.0.0.0:0/mcp'])(
    'admits only pages of this host and of --allow-origin with --allow-anonymous at %s',
    async (url) => {
      const flags = [
        '--allow-anonymous',
        '--allow-origin',
        'https://app.example:443',
        '--allow-origin',
        'app://x',
      ]
      const { addresses } = await listening([url], flags)
      const address = addresses[0]?.replace('0.0.0.0', '127.0.0.1')
      const from = async (origin: string): Promise<unknown> => {
        const client = await connect(address, { headers: { origin } })
        return await client.request('initialize', { protocolVersion: '2025-11-25' })
      }
      for (const origin of [
        'https://app.example',
        'app://x',
        'http://localhost:3000',
        originOf(addresses[0]),
      ])
        expect(await from(origin)).toMatchObject({ serverInfo: { name: 'raw' } })
      for (const origin of ['http://evil.example', 'https://app.example:8443', 'http://app.example', 'null'])
        await expect(from(origin)).rejects.toMatchObject({ message: expect.stringContaining('403') })
    },
  )

  test('sends CORS headers only to pages of --allow-origin', async () => {
    const flags = ['--allow-anonymous', '--allow-origin', 'https://app.example']
    const { addresses } = await listening(['http://0.0.0.0:0/mcp'], flags)
    const url = addresses[0]?.replace('0.0.0.0', '127.0.0.1') ?? ''
    const preflight = (origin: string): Promise<Response> =>
      fetch(url, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type,mcp-session-id',
        },
      })
    const allowed = await preflight('https://app.example')
    expect(allowed.status).toBe(204)
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-headers': expect.stringContaining('mcp-session-id'),
      'access-control-expose-headers': expect.stringContaining('mcp-session-id'),
    })
    const other = await preflight('https://evil.example')
    expect(other.status).toBe(405)
    expect(other.headers.has('access-control-allow-origin')).toBe(false)
    const response = await fetch(url, {
      method: 'POST',
      headers: { origin: 'https://app.example' },
      body: '{',
    })
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example')
  })

  test('closes the connection of a client that exceeds --max-message-bytes', async () => {
    const { addresses, logged } = await listening([TCP], ['--max-message-bytes', '2048'])
    const client = await connect(addresses[0])
    const pid = await pidOf(client)
    await expect(client.request('echo', { text: 'x'.repeat(3000) })).rejects.toThrow()
    await untilGone(pid)
    await vi.waitFor(() => expect(logged()).not.toEqual([]))
    expect(logged()).toEqual([
      expect.stringMatching(/^mcpwire bridge #1: MESSAGE_TOO_LARGE: .*--max-message-bytes \(2048\)/),
    ])
  })

  test('goes on if standard error is closed', async () => {
    const running = await listening([TCP], ['--max-connections', '1', '--verbose'])
    running.process.stderr?.destroy()
    const first = await connect(running.addresses[0])
    expect(await first.request('ping')).toEqual({})
    const refused = run([...program, 'bridge', running.addresses[0] ?? ''])
    expect(await refused.exit).toBe(1)
    expect(await first.request('ping')).toEqual({})
    running.process.kill('SIGTERM')
    expect(await running.exit).toBe(0)
  })

  test('logs each connection with its number with --verbose', async () => {
    const { addresses, logged } = await listening([TCP], ['--verbose'])
    const client = await connect(addresses[0])
    const pid = await pidOf(client)
    await client.close()
    await vi.waitFor(() => expect(logged()).toHaveLength(2))
    expect(logged()).toEqual([
      expect.stringMatching(new RegExp(`^mcpwire bridge #1: running stdio:\\S+, process ${pid}$`)),
      expect.stringMatching(/^mcpwire bridge #1: closed: 1 messages to the server, 1 from it; 1 requests /),
    ])
  })
})

describe('--max-connections', () => {
  test('limits clients at all URLs together, and reports refusals to both ends', async () => {
    const urls = [TCP, `unix:${socketFile()}`]
    const { addresses, logged } = await listening(urls, ['--max-connections', '1'])
    const first = await connect(addresses[0])
    await first.request('ping')
    for (const address of addresses) {
      const refused = run([...program, 'bridge', address])
      expect(await refused.exit).toBe(1)
      expect(refused.stderr()).toMatch(/^mcpwire bridge: REFUSED: .* refused the connection \(503\)/)
    }
    await vi.waitFor(() => expect(logged()).toHaveLength(2))
    for (const line of logged()) expect(line).toMatch(/^mcpwire bridge: REFUSED: .*--max-connections \(1\)/)
    expect(await first.request('ping')).toEqual({})
  })

  test('counts servers that are still shutting down', async () => {
    const options = ['--max-connections', '1', '--close-timeout-ms', '600000']
    const { addresses, process: bridging, exit } = await listening([TCP], options, stubborn)
    const first = await connect(addresses[0])
    const pid = await pidOf(first)
    await first.close()
    await expect(connect(addresses[0]).then(pidOf)).rejects.toThrow()
    expect(isAlive(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
    const next = await vi.waitFor(() => connect(addresses[0]).then(pidOf))
    bridging.kill('SIGTERM')
    process.kill(next, 'SIGKILL')
    expect(await exit).toBe(0)
  })
})

describe('the end of one connection', () => {
  test('by a server that exits fails its pending requests and no others', async () => {
    const { addresses, logged } = await listening([TCP])
    const client = await connect(addresses[0])
    const other = await connect(addresses[0])
    await Promise.all([client.request('ping'), other.request('ping')])
    const hanging = client.request('hang').catch((error: unknown) => error)
    await expect(client.request('die')).rejects.toMatchObject({
      code: -31_002,
      data: { code: 'PROCESS_EXITED' },
    })
    expect(await hanging).toMatchObject({ code: -31_002 })
    expect(await other.request('ping')).toEqual({})
    const lines = (): string[] => logged().filter((line) => line.startsWith('mcpwire'))
    await vi.waitFor(() => expect(lines()).not.toEqual([]))
    expect(lines()).toEqual([
      expect.stringMatching(
        /^mcpwire bridge #1: PROCESS_EXITED: stdio:\S+ exited with code 3: first line \| last line$/,
      ),
    ])
  })

  test('by a client that is killed, or resets, ends its server', async () => {
    const { addresses, logged } = await listening([TCP, `unix:${socketFile()}`])
    const [url = ''] = addresses
    const killed = run([...program, 'bridge', addresses[1] ?? ''])
    const { pid } = await killed.call('facts')
    const other = await connect(url)
    await other.request('ping')
    const socket = connectSocket(Number(new URL(url).port), '127.0.0.1')
    socket.write('{"jsonrpc":"2.0","id":1,"method":"facts"}\n')
    const response = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    const { result } = JSON.parse(response.toString())

    killed.process.kill('SIGKILL')
    socket.resetAndDestroy()
    await untilGone(pid as number, result.pid)
    expect(await other.request('ping')).toEqual({})
    await vi.waitFor(() => expect(logged()).not.toEqual([]))
    for (const line of logged()) expect(line).toMatch(/^mcpwire bridge #\d: PEER_LOST: .*(tcp|unix):/)
  })

  test('by a server that cannot start is reported to its client, and the next client may connect', async () => {
    const script = join(folder(), 'server')
    writeFileSync(script, '#!/bin/sh\n', { mode: 0o755 })
    const { addresses, logged, process } = await listening([TCP], [], [script])
    chmodSync(script, 0o644)
    for (const number of [1, 2]) {
      await expect(connect(addresses[0]).then(pidOf)).rejects.toThrow()
      await vi.waitFor(() => expect(logged()).toHaveLength(number))
    }
    expect(logged()[1]).toMatch(/^mcpwire bridge #2: CONNECT_FAILED: .*\/server\) is not executable/)
    expect(process.exitCode).toBeNull()
  })
})

describe('the shutdown of a bridge that listens', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s ends all servers and removes socket files',
    async (signal) => {
      const path = socketFile()
      const { addresses, process, exit, stderr, logged } = await listening([TCP, `unix:${path}`])
      const pids = await Promise.all(addresses.map((address) => connect(address).then(pidOf)))
      process.kill(signal)
      expect(await exit, stderr()).toBe(0)
      await untilGone(...pids)
      expect(existsSync(path)).toBe(false)
      expect(logged()).toEqual([])
    },
  )

  test('waits for pending requests and refuses new clients', async () => {
    const path = socketFile()
    const { addresses, process, exit } = await listening([`unix:${path}`], ['--drain-ms', '60000'])
    const client = await connect(addresses[0])
    await client.request('ping')
    const held = client.request('hold')
    // Messages keep their order: the server has received the request before.
    await client.request('ping')
    process.kill('SIGTERM')
    await vi.waitFor(() => expect(existsSync(path)).toBe(false))
    await expect(connect(addresses[0])).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    await client.notify('notifications/release')
    expect(await held).toEqual({})
    expect(await exit).toBe(0)
  })

  test('waits at most --drain-ms, and kills a server that does not end', async () => {
    const options = ['--drain-ms', '100', '--close-timeout-ms', '400']
    const { addresses, process, exit } = await listening([TCP], options, stubborn)
    const client = await connect(addresses[0])
    const pid = await pidOf(client)
    const hanging = client.request('hang').catch((error: Error) => error)
    process.kill('SIGTERM')
    expect(await exit).toBe(0)
    await untilGone(pid)
    expect(await hanging).toBeInstanceOf(Error)
  })

  test('does not wait after a second signal', async () => {
    const path = socketFile()
    const options = ['--drain-ms', 'Infinity', '--close-timeout-ms', '600000']
    const { addresses, process, exit } = await listening([`unix:${path}`], options, stubborn)
    const client = await connect(addresses[0])
    const pid = await pidOf(client)
    client.request('hang').catch(() => {})
    await client.request('ping')
    process.kill('SIGTERM')
    await vi.waitFor(() => expect(existsSync(path)).toBe(false))
    process.kill('SIGINT')
    expect(await exit).toBe(128 + 2)
    await untilGone(pid)
    expect(existsSync(path)).toBe(false)
  })

  test('after a URL in use releases the other URLs and logs one line', async () => {
    const { addresses } = await listening([TCP])
    const [taken = ''] = addresses
    const path = socketFile()
    const second = run([...program, 'bridge', '--listen', `unix:${path}`, '--listen', taken, '--', 'node'])
    expect(await second.exit).toBe(1)
    expect(second.stderr()).toMatch(/^mcpwire bridge: LISTEN_FAILED: .*tcp:\S+: .*EADDRINUSE.*\n$/)
    expect(existsSync(path)).toBe(false)
    const client = await connect(taken)
    expect(await client.request('ping')).toEqual({})
  })

  test('after a URL without a gate logs one usage error, also if another URL was bound before', async () => {
    const path = socketFile()
    const open = run([
      ...[...program, 'bridge', '--listen', `unix:${path}`],
      ...['--listen', 'tcp://0.0.0.0:0', '--', 'node'],
    ])
    expect(await open.exit).toBe(2)
    expect(open.stderr()).toMatch(
      /^mcpwire bridge: --listen tcp:\/\/0\.0\.0\.0:0: .*--allow-anonymous.*\nusage: /,
    )
    expect(open.stderr().match(/could connect/g)).toHaveLength(1)
    expect(existsSync(path)).toBe(false)
  })
})
