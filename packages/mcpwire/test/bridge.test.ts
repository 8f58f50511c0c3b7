import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isAlive, program, run, serverCommand, untilGone } from './support/bin.js'

const bridge = (server: readonly string[], ...options: string[]): string[] => {
  return [...program, 'bridge', ...options, '--', ...server]
}
const raw = serverCommand('raw-server')

describe('a bridge', () => {
  test('passes ids, types and unknown members unchanged', async () => {
    const { call, send, responseTo, process, exit } = run(bridge(raw))
    await call('ping')
    for (const id of [0, '', 1, '1', 'a:b', Number.MAX_SAFE_INTEGER]) {
      const params = { id, 'x-new': { deep: [null, 1.5, '\u2028'] } }
      const response = responseTo(id)
      send({ jsonrpc: '2.0', id, method: 'echo', params })
      expect(await response).toEqual({ jsonrpc: '2.0', id, result: params })
    }
    process.stdin?.end()
    expect(await exit).toBe(0)
  })

  test('delivers responses to requests sent before the input ended', async () => {
    const { process, stdout, stderr, exit } = run(bridge(raw, '--close-timeout-ms', '20000'))
    process.stdin?.end('{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    expect(await exit).toBe(0)
    expect(stdout()).toBe('{"jsonrpc":"2.0","id":1,"result":{}}\n')
    expect(stderr()).toBe('')
  })

  test('writes only messages to standard output', async () => {
    const chatter = 'data:text/javascript,setInterval(()=>console.log(`chatter`),1).unref()'
    const { call, process, stdout, stderr, exit } = run(bridge(raw), { NODE_OPTIONS: `--import=${chatter}` })
    await vi.waitFor(() => expect(stderr()).toContain('chatter'))
    await call('ping')
    process.stdin?.end()
    expect(await exit).toBe(0)
    const lines = stdout()
      .split('\n')
      .filter((line) => line !== '' && line !== 'chatter')
    expect(lines).toEqual(['{"jsonrpc":"2.0","id":"call 1","result":{}}'])
  })

  test('skips a banner on the standard output of the server', async () => {
    const { call, process, stderr, exit } = run(bridge(serverCommand('raw-server', 'noisy')))
    expect(await call('ping')).toEqual({})
    process.stdin?.end()
    expect(await exit).toBe(0)
    expect(stderr()).toMatch(/^mcpwire bridge: MALFORMED_MESSAGE: .*stdio:.*\n$/)
  })
})

describe('a server that ends', () => {
  test('fails pending requests, and its exit code is one line on standard error', async () => {
    const { call, send, responseTo, stderr, exit } = run(bridge(raw))
    await call('ping')
    const responses = Promise.all([responseTo(7), responseTo('x')])
    send({ jsonrpc: '2.0', id: 7, method: 'hang' })
    send({ jsonrpc: '2.0', id: 'x', method: 'die' })

    for (const response of await responses) {
      expect(response).toMatchObject({ error: { code: -31_002, data: { code: 'PROCESS_EXITED' } } })
    }
    expect(await exit).toBe(1)
    const lines = stderr()
      .split('\n')
      .filter((line) => line.startsWith('mcpwire'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /^mcpwire bridge: PROCESS_EXITED: stdio:\S+ exited with code 3: first line \| last line$/,
    )
  })

  test('is reported with its signal', async () => {
    const { call, send, responseTo, stderr, exit } = run(bridge(raw))
    const { pid } = await call('facts')
    const response = responseTo(1)
    send({ jsonrpc: '2.0', id: 1, method: 'hang' })
    // The server reads in order: it has received the request before.
    await call('ping')
    process.kill(pid as number, 'SIGKILL')
    expect(await response).toMatchObject({ error: { code: -31_002, data: { code: 'PROCESS_EXITED' } } })
    expect(await exit).toBe(1)
    expect(stderr()).toMatch(/^mcpwire bridge: PROCESS_EXITED: stdio:\S+ .*SIGKILL\n$/)
  })

  test('with code 0 is an orderly end', async () => {
    const { stderr, exit } = run(bridge([process.execPath, '--eval', '0']))
    expect(await exit).toBe(0)
    expect(stderr()).toBe('')
  })

  test.each([
    ['is not found', ['/nowhere/at-all'], [], /CONNECT_FAILED: .*\/nowhere\/at-all/],
    ['has no working directory', raw, ['--cwd', '/nowhere'], /CONNECT_FAILED: .*--cwd \(\/nowhere\)/],
    ['exits at once', [process.execPath, '/nowhere.js'], [], /PROCESS_EXITED: .*exited with code 1/],
  ])('or %s is one line on standard error', async (_, server, options, line) => {
    const { stderr, stdout, exit } = run(bridge(server, ...options))
    expect(await exit).toBe(1)
    const lines = stderr()
      .split('\n')
      .filter((each) => each.startsWith('mcpwire'))
    expect(lines).toEqual([expect.stringMatching(line)])
    expect(stdout()).toBe('')
  })
})

describe('undelivered messages', () => {
  const idle = [process.execPath, '--eval', 'setTimeout(() => {}, 60_000)']

  test('are counted when the server is too slow after the end of the input', async () => {
    const {
      process: bridging,
      stderr,
      stdout,
      exit,
    } = run(bridge(idle, '--close-timeout-ms', '400', '--start-timeout-ms', '100'))
    bridging.stdin?.end(
      [1, 2].map((id) => `${JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' })}\n`).join(''),
    )
    expect(await exit).toBe(1)
    expect(stdout().match(/"code":-31002/g)).toHaveLength(2)
    expect(stderr()).toMatch(/^mcpwire bridge: 2 requests were not answered: .*--start-timeout-ms \(100\)$/m)
  })

  test('are counted when the server exits with code 0', async () => {
    const exiting = [process.execPath, '--eval', 'process.stdin.once("data", () => process.exit(0))']
    const { send, responseTo, stderr, exit } = run(bridge(exiting))
    const response = responseTo(1)
    send({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect(await response).toMatchObject({ error: { code: -31_002, data: { code: 'CLOSED' } } })
    expect(await exit).toBe(1)
    expect(stderr()).toContain('1 request was not answered')
  })

  test('are counted when the host does not read them', async () => {
    const [command = '', ...args] = bridge(raw, '--drain-ms', '2000')
    const child = spawn(command, args)
    onTestFinished(() => void child.kill('SIGKILL'))
    let log = ''
    child.stderr.on('data', (chunk) => {
      log += chunk
    })
    for (let id = 0; id < 100; id++) {
      child.stdin.write(`{"jsonrpc":"2.0","id":${id},"method":"big","params":{"bytes":20000}}\n`)
    }
    // The server has begun to respond. The stream buffers the first responses.
    await once(child.stdout, 'readable')
    child.stdin.end()
    expect(await once(child, 'exit')).toEqual([1, null])
    child.stdout.resume()
    await once(child, 'close')
    expect(log).toMatch(/mcpwire bridge stdio: .*\d+ messages were not read: .*--drain-ms$/m)
  })

  test('are not counted after a signal', async () => {
    const { call, send, process: bridging, stderr, exit } = run(bridge(raw))
    send({ jsonrpc: '2.0', id: 1, method: 'hang' })
    await call('ping')
    bridging.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(stderr()).toBe('')
  })
})

describe('a bridge without input', () => {
  test('exits with code 1 and logs the error if the server fails', async () => {
    const script = 'process.stdin.resume().on("end", () => { console.error("no config"); process.exit(3) })'
    const failing = [process.execPath, '--eval', script]
    const { process: bridging, stderr, exit } = run(bridge(failing, '--close-timeout-ms', '60000'))
    bridging.stdin?.end()
    expect(await exit).toBe(1)
    expect(stderr()).toMatch(/^mcpwire bridge: PROCESS_EXITED: stdio:\S+ exited with code 3: no config$/m)
  })

  test('exits with code 0 if the server ends with code 0', async () => {
    const { process: bridging, stderr, exit } = run(bridge(raw, '--close-timeout-ms', '60000'))
    bridging.stdin?.end()
    expect(await exit).toBe(0)
    expect(stderr()).toBe('')
  })
})

describe('the shutdown of a bridge', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('by %s is orderly and ends the server', async (signal) => {
    const { call, process, stderr, exit } = run(bridge(raw))
    const { pid } = await call('facts')
    process.kill(signal)
    expect(await exit).toBe(0)
    await untilGone(pid as number)
    expect(stderr()).toBe('')
  })

  test('by SIGHUP is logged', async () => {
    const { call, process, stderr, exit } = run(bridge(raw))
    await call('ping')
    process.kill('SIGHUP')
    expect(await exit).toBe(0)
    expect(stderr()).toBe('mcpwire bridge: ended by SIGHUP\n')
  })

  test('by a signal right after the start of the server kills the server', async () => {
    const signalAtStart = [
      'import child from "node:child_process"',
      'import { syncBuiltinESMExports } from "node:module"',
      'const { spawn } = child',
      'child.spawn = (...args) => {',
      '  const spawned = spawn(...args)',
      '  process.kill(process.pid, "SIGTERM")',
      '  return spawned',
      '}',
      'syncBuiltinESMExports()',
    ].join('\n')
    const preload = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(signalAtStart)}` }
    const { exit, stderr } = run(bridge(['sleep', '60']), preload)
    expect(await exit).toBe(0)
    expect(stderr()).toBe('')
  })

  test('ends although the server neither reads nor handles SIGTERM', async () => {
    const script = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 60_000)'
    const unresponsive = [process.execPath, '--eval', script]
    const { process: bridging, exit } = run(
      bridge(unresponsive, '--close-timeout-ms', '500', '--start-timeout-ms', '0'),
    )
    for (let id = 0; id < 50; id++) {
      const params = { text: 'x'.repeat(10_000) }
      bridging.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'echo', params })}\n`)
    }
    bridging.stdin?.end()
    expect(await exit).toBe(1)
  })

  test('kills a server that ignores the end of its input and SIGTERM', async () => {
    const stubborn = serverCommand('raw-server', 'stubborn')
    const { call, process, exit } = run(bridge(stubborn, '--close-timeout-ms', '200'))
    const { pid } = await call('facts')
    process.stdin?.end()
    expect(await exit).toBe(0)
    await untilGone(pid as number)
  })

  test('does not wait for the server after a second signal', async () => {
    const stubborn = serverCommand('raw-server', 'stubborn')
    const { call, process, exit } = run(bridge(stubborn, '--close-timeout-ms', '600000'))
    const { pid } = await call('facts')
    process.kill('SIGTERM')
    // Pending signals of one kind are delivered once, and those of different kinds in any order.
    const again = setInterval(() => process.kill('SIGTERM'), 20)
    expect(await exit).toBe(128 + 15)
    clearInterval(again)
    await untilGone(pid as number)
  })

  test('ends the server if the host was killed and the input stays open', async () => {
    const host = run([...serverCommand('host'), ...bridge(raw)])
    const { pid } = await host.call('facts')
    const bridgePid = Number(/bridge is (\d+)/.exec(host.stderr())?.[1])
    expect([bridgePid, pid as number].map(isAlive)).toEqual([true, true])
    host.process.kill('SIGKILL')
    await untilGone(bridgePid, pid as number)
  })
})

describe('options of the bridge', () => {
  test('--cwd, --env and --inherit set the working directory and the environment of the server', async () => {
    const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'mcpwire-')))
    const options = ['--cwd', cwd, '--env', 'A=1=2', '--env', 'B=']
    const { call } = run(bridge(raw, ...options), { SECRET: 'x' })
    expect(await call('facts')).toMatchObject({ cwd, env: { A: '1=2', B: '', PATH: process.env['PATH'] } })
    expect((await call('facts'))['env']).not.toHaveProperty('SECRET')

    const all = run(bridge(raw, '--inherit', 'all'), { SECRET: 'x' })
    expect(await all.call('facts')).toMatchObject({ env: { SECRET: 'x' } })

    const none = run(bridge(raw, '--inherit', 'none'), { SECRET: 'x' })
    expect((await none.call('facts'))['env']).not.toHaveProperty('PATH')
  })

  test('--max-message-bytes rejects longer messages in both directions', async () => {
    const { call, send, responseTo, stderr, process, exit } = run(bridge(raw, '--max-message-bytes', '2048'))
    const responses = Promise.all([responseTo('long'), responseTo('long response')])
    send({ jsonrpc: '2.0', id: 'long', method: 'echo', params: { text: 'x'.repeat(3000) } })
    send({ jsonrpc: '2.0', id: 'long response', method: 'big', params: { bytes: 3000 } })
    expect(await call('big', { bytes: 1000 })).toEqual({ text: 'x'.repeat(1000) })
    expect(await responses).toMatchObject([
      { error: { code: -32_600, data: { code: 'MESSAGE_TOO_LARGE', delivery: 'none' } } },
      { error: { code: -31_010, data: { code: 'MESSAGE_TOO_LARGE', delivery: 'unknown' } } },
    ])
    process.stdin?.end()
    expect(await exit).toBe(0)
    const lines = stderr().split('\n').filter(Boolean)
    expect(lines).toEqual([
      expect.stringMatching(/MESSAGE_TOO_LARGE: .*stdio:host .*--max-message-bytes \(2048\)/),
      expect.stringMatching(/MESSAGE_TOO_LARGE: .*stdio:\S+node\S* .*--max-message-bytes \(2048\)/),
    ])
  })

  test('--verbose logs the start and the traffic of the server', async () => {
    const { call, process, stderr, exit } = run(bridge(raw, '--verbose'))
    const { pid } = await call('facts')
    process.stdin?.end()
    expect(await exit).toBe(0)
    const [running, closed] = stderr().split('\n')
    expect(running).toMatch(new RegExp(`^mcpwire bridge: running stdio:\\S+, process ${pid}$`))
    expect(closed).toMatch(
      /^mcpwire bridge: closed: 1 messages to the server, 1 from it; 1 requests answered, p50 /,
    )
  })
})
