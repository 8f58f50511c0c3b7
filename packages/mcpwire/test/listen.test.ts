import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { isAlive, program, run, serverCommand } from './support/bin.js'
import { caller, folder, listening, pidOf } from './support/listening.js'

vi.setConfig({ testTimeout: 20_000 })

const TCP = 'tcp://127.0.0.1:0'
const stubborn = serverCommand('raw-server', 'stubborn')
const soon = { timeout: 10_000, interval: 20 }

function socketFile(): string {
  return join(folder(), 's')
}

/** The origin of a page that would be at that URL. */
function placeOf(url = ''): string {
  return new URL(url.replace(/^ws/, 'http')).origin
}

describe('a bridge that listens', () => {
  test('gives each caller a server of its own, wherever it calls', async () => {
    const path = socketFile()
    const { addresses } = await listening([TCP, `unix:${path}`, TCP])
    expect(addresses).toEqual([
      expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/),
      `unix:${path}`,
      expect.stringMatching(/^tcp:/),
    ])
    const clients = await Promise.all([...addresses, ...addresses].map((address) => caller(address)))
    const pids = await Promise.all(clients.map(pidOf))
    expect(new Set(pids).size).toBe(6)
    const echoes = await Promise.all(clients.map((client, n) => client.request('echo', { n })))
    expect(echoes).toEqual(clients.map((_, n) => ({ n })))
  })

  test('stands in front of a server at a URL, and behind a bridge', async () => {
    const [behind = ''] = (await listening([TCP])).addresses
    const path = socketFile()
    const front = run([...program, 'bridge', '--listen', `unix:${path}`, behind])
    await vi.waitFor(() => expect(front.stderr()).toContain('listening on unix:'), soon)
    const { call, process, exit } = run([...program, 'bridge', `unix:${path}`, '--verbose'])
    expect(await call('echo', { deep: [1, null] })).toEqual({ deep: [1, null] })
    process.stdin?.end()
    expect(await exit).toBe(0)
  })

  test('runs no server before somebody calls, and passes on what decides how it runs', async () => {
    const cwd = folder()
    const { addresses, said } = await listening([TCP], ['--cwd', cwd, '--env', 'A=1', '--inherit', 'none'])
    expect(said()).toEqual([])
    const facts = await (await caller(addresses[0])).request('facts')
    expect(facts).toMatchObject({ cwd, env: { A: '1' } })
    expect(facts['env']).not.toHaveProperty('PATH')
  })

  test('listens beyond this host with --allow-remote', async () => {
    const { addresses } = await listening(['tcp://0.0.0.0:0'], ['--allow-remote'])
    const client = await caller(addresses[0]?.replace('0.0.0.0', '127.0.0.1'))
    expect(await client.request('ping')).toEqual({})
  })

  test.each(['http://0.0.0.0:0/mcp', 'ws://0.0.0.0:0/mcp'])(
    '--allow-remote admits no page but those of this host and --allow-origin: %s',
    async (url) => {
      const flags = [
        '--allow-remote',
        '--allow-origin',
        'https://app.example:443',
        '--allow-origin',
        'app://x',
      ]
      const { addresses } = await listening([url], flags)
      const address = addresses[0]?.replace('0.0.0.0', '127.0.0.1')
      const from = async (origin: string): Promise<unknown> => {
        const client = await caller(address, { headers: { origin } })
        return await client.request('initialize', { protocolVersion: '2025-11-25' })
      }
      for (const origin of ['https://app.example', 'app://x', 'http://localhost:3000', placeOf(addresses[0])])
        expect(await from(origin)).toMatchObject({ serverInfo: { name: 'raw' } })
      for (const origin of ['http://evil.example', 'https://app.example:8443', 'http://app.example', 'null'])
        await expect(from(origin)).rejects.toMatchObject({ message: expect.stringContaining('403') })
    },
  )

  test('pages of --allow-origin may read what is answered over HTTP, and no others', async () => {
    const flags = ['--allow-remote', '--allow-origin', 'https://app.example']
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
    expect([allowed.status, Object.fromEntries(allowed.headers)]).toMatchObject([
      204,
      {
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-headers': 'content-type,mcp-session-id',
        'access-control-expose-headers': 'mcp-session-id',
      },
    ])
    const other = await preflight('https://evil.example')
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([405, null])
    const answer = await fetch(url, { method: 'POST', headers: { origin: 'https://app.example' }, body: '{' })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
  })

  test('--max-message-bytes ends the conversation of a caller who exceeds it', async () => {
    const { addresses, said } = await listening([TCP], ['--max-message-bytes', '2048'])
    const client = await caller(addresses[0])
    const pid = await pidOf(client)
    await expect(client.request('echo', { text: 'x'.repeat(3000) })).rejects.toThrow()
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), soon)
    await vi.waitFor(() => expect(said()).not.toEqual([]), soon)
    expect(said()).toEqual([
      expect.stringMatching(/^mcpwire bridge #1: MESSAGE_TOO_LARGE: .* --max-message-bytes \(2048\)/),
    ])
  })

  test('goes on when nobody reads what it says', async () => {
    const running = await listening([TCP], ['--max-connections', '1', '--verbose'])
    running.process.stderr?.destroy()
    const first = await caller(running.addresses[0])
    expect(await first.request('ping')).toEqual({})
    const refused = run([...program, 'bridge', running.addresses[0] ?? ''])
    expect(await refused.exit).toBe(1)
    expect(await first.request('ping')).toEqual({})
    running.process.kill('SIGTERM')
    expect(await running.exit).toBe(0)
  })

  test('--verbose tells of each conversation by its number', async () => {
    const { addresses, said } = await listening([TCP], ['--verbose'])
    const client = await caller(addresses[0])
    const pid = await pidOf(client)
    await client.close()
    await vi.waitFor(() => expect(said()).toHaveLength(2), soon)
    expect(said()).toEqual([
      expect.stringMatching(new RegExp(`^mcpwire bridge #1: running stdio:\\S+, process ${pid}$`)),
      expect.stringMatching(/^mcpwire bridge #1: over: 1 messages to the server, 1 from it; 1 requests /),
    ])
  })
})

describe('the cap on callers', () => {
  test('holds over all URLs together, and says so to both sides', async () => {
    const urls = [TCP, `unix:${socketFile()}`]
    const { addresses, said } = await listening(urls, ['--max-connections', '1'])
    const first = await caller(addresses[0])
    await first.request('ping')
    for (const address of addresses) {
      const refused = run([...program, 'bridge', address])
      expect(await refused.exit).toBe(1)
      expect(refused.stderr()).toMatch(
        /^mcpwire bridge: REFUSED: \S+ refused the connection \(503\): the server has no room for another/,
      )
    }
    await vi.waitFor(() => expect(said()).toHaveLength(2), soon)
    for (const line of said())
      expect(line).toMatch(/^mcpwire bridge: REFUSED: a caller was refused: --max-connections \(1\) are/)
    expect(await first.request('ping')).toEqual({})
  })

  test('counts servers that are still ending', async () => {
    const options = ['--max-connections', '1', '--close-timeout-ms', '2000']
    const { addresses, process, exit } = await listening([TCP], options, stubborn)
    const first = await caller(addresses[0])
    const pid = await pidOf(first)
    await first.close()
    await expect(caller(addresses[0]).then(pidOf)).rejects.toThrow('no room')
    expect(isAlive(pid)).toBe(true)
    const next = await vi.waitFor(() => caller(addresses[0]).then(pidOf), soon)
    expect([pid, next].map(isAlive)).toEqual([false, true])
    process.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(isAlive(next)).toBe(false)
  })
})

describe('what ends one conversation', () => {
  test('a server that dies: what was asked is answered, and the others go on', async () => {
    const { addresses, said } = await listening([TCP])
    const [unlucky, other] = [await caller(addresses[0]), await caller(addresses[0])]
    await Promise.all([unlucky.request('ping'), other.request('ping')])
    const hanging = unlucky.request('hang').catch((error: unknown) => error)
    await expect(unlucky.request('die')).rejects.toMatchObject({
      code: -31_002,
      data: { code: 'PROCESS_EXITED' },
    })
    expect(await hanging).toMatchObject({ code: -31_002 })
    expect(await other.request('ping')).toEqual({})
    const told = (): string[] => said().filter((line) => line.startsWith('mcpwire'))
    await vi.waitFor(() => expect(told()).not.toEqual([]), soon)
    expect(told()).toEqual([
      expect.stringMatching(/^mcpwire bridge #1: PROCESS_EXITED: stdio:\S+ exited with code 3: last words$/),
    ])
  })

  test('a caller that is killed, or resets: its server goes with it', async () => {
    const { addresses, said } = await listening([TCP, `unix:${socketFile()}`])
    const [url = ''] = addresses
    const killed = run([...program, 'bridge', addresses[1] ?? ''])
    const { pid } = await killed.call('facts')
    const other = await caller(url)
    await other.request('ping')
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write('{"jsonrpc":"2.0","id":1,"method":"facts"}\n')
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    const { result } = JSON.parse(answer.toString())

    killed.process.kill('SIGKILL')
    socket.resetAndDestroy()
    await vi.waitFor(() => expect([pid as number, result.pid].map(isAlive)).toEqual([false, false]), soon)
    expect(await other.request('ping')).toEqual({})
    await vi.waitFor(() => expect(said()).not.toEqual([]), soon)
    for (const line of said()) expect(line).toMatch(/^mcpwire bridge #\d: PEER_LOST: lost (tcp|unix):/)
  })

  test('a server that cannot be started: its caller is told, and the next may call', async () => {
    const { addresses, said, process } = await listening([TCP], [], ['/nowhere/at-all'])
    for (const number of [1, 2]) {
      await expect(caller(addresses[0]).then(pidOf)).rejects.toThrow(
        'the server did not serve the connection',
      )
      await vi.waitFor(() => expect(said()).toHaveLength(number), soon)
    }
    expect(said()[1]).toMatch(/^mcpwire bridge #2: CONNECT_FAILED: .*\/nowhere\/at-all.* was not found/)
    expect(process.exitCode).toBeNull()
  })
})

describe('the end of a bridge that listens', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('by %s: nothing of it is left', async (signal) => {
    const path = socketFile()
    const { addresses, process, exit, stderr, said } = await listening([TCP, `unix:${path}`])
    const pids = await Promise.all(addresses.map((address) => caller(address).then(pidOf)))
    process.kill(signal)
    expect(await exit, stderr()).toBe(0)
    expect(pids.map(isAlive)).toEqual([false, false])
    expect(existsSync(path)).toBe(false)
    expect(said()).toEqual([])
  })

  test('lets what was asked be answered first, and nobody in', async () => {
    const path = socketFile()
    const { addresses, process, exit } = await listening([`unix:${path}`], ['--drain-ms', '60000'])
    const client = await caller(addresses[0])
    await client.request('ping')
    const held = client.request('hold')
    // Passed on in order: once this is answered, the one before has arrived.
    await client.request('ping')
    process.kill('SIGTERM')
    await vi.waitFor(() => expect(existsSync(path)).toBe(false), soon)
    await expect(caller(addresses[0])).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    await client.notify('notifications/release')
    expect(await held).toEqual({})
    expect(await exit).toBe(0)
  })

  test('waits no longer than --drain-ms, and kills a server that will not end', async () => {
    const options = ['--drain-ms', '100', '--close-timeout-ms', '400']
    const { addresses, process, exit } = await listening([TCP], options, stubborn)
    const client = await caller(addresses[0])
    const pid = await pidOf(client)
    const hanging = client.request('hang').catch((error: Error) => error)
    process.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(isAlive(pid)).toBe(false)
    expect(await hanging).toBeInstanceOf(Error)
  })

  test('a second signal does not wait', async () => {
    const path = socketFile()
    const options = ['--drain-ms', 'Infinity', '--close-timeout-ms', '600000']
    const { addresses, process, exit } = await listening([`unix:${path}`], options, stubborn)
    const client = await caller(addresses[0])
    const pid = await pidOf(client)
    client.request('hang').catch(() => {})
    await client.request('ping')
    process.kill('SIGTERM')
    await vi.waitFor(() => expect(existsSync(path)).toBe(false), soon)
    process.kill('SIGINT')
    expect(await exit).toBe(128 + 2)
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), soon)
    expect(existsSync(path)).toBe(false)
  })

  test('a URL that is taken: the others are given back, and that is told once', async () => {
    const { addresses } = await listening([TCP])
    const [taken = ''] = addresses
    const path = socketFile()
    const late = run([...program, 'bridge', '--listen', `unix:${path}`, '--listen', taken, '--', 'node'])
    expect(await late.exit).toBe(1)
    expect(late.stderr()).toMatch(
      /^mcpwire bridge: LISTEN_FAILED: cannot listen on tcp:\S+: .*EADDRINUSE.*\n$/,
    )
    expect(existsSync(path)).toBe(false)
    const client = await caller(taken)
    expect(await client.request('ping')).toEqual({})
  })

  test('a URL that is too open: told once with how it is used, though another was bound before', async () => {
    const path = socketFile()
    const open = run([
      ...[...program, 'bridge', '--listen', `unix:${path}`],
      ...['--listen', 'tcp://0.0.0.0:0', '--', 'node'],
    ])
    expect(await open.exit).toBe(2)
    expect(open.stderr().split('\n')[0]).toBe(
      'mcpwire bridge: --listen tcp://0.0.0.0:0: callers on other hosts could connect; --allow-remote admits them',
    )
    expect(open.stderr().match(/allow-remote/g)).toHaveLength(1)
    expect(existsSync(path)).toBe(false)
  })
})
