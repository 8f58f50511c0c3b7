import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { program, type Run, run, serverCommand } from './support/bin.js'
import { connect, listening } from './support/listening.js'

vi.setConfig({ testTimeout: 60_000 })

const raw = serverCommand('raw-server')
/** A server that reads its input after 0.6 seconds. */
const late = ['sh', '-c', 'sleep 0.6; exec "$@"', 'sh', ...raw]
const neverReady = ['sh', '-c', 'exec sleep 600']

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
}

/** Runs `printf INPUT | mcpwire bridge OPTIONS -- SERVER AFTER` in a shell. Its last line on standard error is the exit code. */
function pipeline(
  server: readonly string[],
  { input, options = [], after = '| cat' }: { input: string; options?: readonly string[]; after?: string },
): Run {
  const bridge = quoted([...program, 'bridge', ...options, '--', ...server])
  return run(['sh', '-c', `printf %s "$INPUT" | { ${bridge}; echo "code $?" >&2; } ${after}`], {
    INPUT: input,
  })
}

function requests(method: string, count: number, params: object = {}): string {
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  return ids.map((id) => `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`).join('')
}

interface Answer {
  readonly id: number
  readonly error?: { readonly code: number; readonly message: string; readonly data: object }
}

function answers(stdout: string): Answer[] {
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Answer).sort((a, b) => a.id - b.id)
}

describe('a bridge in a pipeline', () => {
  test.each([
    ['three requests', raw, requests('ping', 3), '| cat', 3],
    ['requests without a last line feed', raw, requests('ping', 2).trimEnd(), '| cat', 2],
    ['requests of a server that is ready later', late, requests('ping', 3), '| cat', 3],
    ['no requests', raw, '', '| cat', 0],
    ['notifications only', raw, '{"jsonrpc":"2.0","method":"notifications/x"}\n', '| cat', 0],
    ['a last response over 64 KiB', raw, requests('big', 1, { bytes: 100_000 }), '| cat', 1],
    ['responses over 64 KiB each', raw, requests('big', 3, { bytes: 70_000 }), '| cat', 3],
    ['a response of 60 kB', raw, requests('big', 1, { bytes: 60_000 }), '| cat', 1],
    ['a response over 1 MB', raw, requests('big', 1, { bytes: 1_500_000 }), '| cat', 1],
    [
      'a response for a reader that is slow',
      raw,
      requests('big', 1, { bytes: 100_000 }),
      '| (sleep 0.3; cat)',
      1,
    ],
  ])('answers %s and exits with code 0', async (_, server, input, after, count) => {
    const { stdout, stderr, exit } = pipeline(server, { input, after })
    await exit
    expect(answers(stdout()).map(({ id, error }) => ({ id, error }))).toEqual(
      Array.from({ length: count }, (_, index) => ({ id: index + 1, error: undefined })),
    )
    expect(stderr()).toBe('code 0\n')
  })

  test.each([
    ['has not started', neverReady, 'ping', ['--start-timeout-ms', '100'], '--start-timeout-ms (100)'],
    ['does not respond', raw, 'hang', ['--drain-ms', '100'], '--drain-ms (100)'],
  ])(
    'answers requests with an error when the server %s in time',
    async (_, server, method, options, limit) => {
      // The first response marks the server as ready.
      const input =
        method === 'ping'
          ? requests(method, 3)
          : `${requests(method, 3)}{"jsonrpc":"2.0","id":0,"method":"ping"}\n`
      const { stdout, stderr, exit } = pipeline(server, { input, options })
      await exit
      const failed = answers(stdout()).filter(({ error }) => error)
      expect(failed.map(({ id }) => id)).toEqual([1, 2, 3])
      for (const { error } of failed) {
        expect(error).toMatchObject({
          code: -31_002,
          message: expect.stringContaining(limit),
          data: { code: 'CLOSED', delivery: 'unknown' },
        })
      }
      expect(stderr()).toMatch(/3 requests were not answered: .*\n.*code 1\n$/)
    },
  )

  test('answers pending requests with an error when a signal ends it', async () => {
    const bridge = run([...program, 'bridge', '--', ...raw])
    const response = bridge.responseTo(1)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'hang' })
    await bridge.call('ping')
    bridge.process.kill('SIGTERM')
    expect(await response).toMatchObject({ error: { message: expect.stringContaining('ended by a signal') } })
    expect(await bridge.exit).toBe(0)
  })

  test.each(['| head -n 1', '| true'])('ends when its reader has exited (%s)', async (after) => {
    const { stderr, exit } = pipeline(raw, { input: requests('big', 20, { bytes: 100_000 }), after })
    await exit
    expect(stderr()).toMatch(/code [01]\n$/)
  })
})

describe('the reason of a lost server', () => {
  test('is in the error for the own client: exit code and lines of standard error', async () => {
    const bridge = run([...program, 'bridge', '--', ...raw])
    const response = bridge.responseTo(1)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'die' })
    expect(await response).toMatchObject({
      error: {
        code: -31_002,
        message: expect.stringMatching(/exited with code 3: first line \| last line/),
        data: { code: 'PROCESS_EXITED', delivery: 'unknown' },
      },
    })
  })

  test.each([
    ['cannot be started', ['no-such-command'], 'CONNECT_FAILED', 'was not found in PATH'],
    [
      'exits at once',
      ['sh', '-c', 'echo "API_KEY missing" >&2; exit 3'],
      'PROCESS_EXITED',
      'API_KEY missing',
    ],
    ['echoes its input', ['cat'], 'CONNECT_FAILED', 'echoes its input'],
  ])('is in the error for the own client if it %s', async (_, server, code, text) => {
    const bridge = run([...program, 'bridge', '--', ...server])
    const response = bridge.responseTo(1)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })
    expect(await response).toMatchObject({
      error: { code: -31_002, message: expect.stringContaining(text), data: { code } },
    })
    expect(await bridge.exit).toBe(1)
    expect(bridge.stderr()).toContain(`mcpwire bridge: ${code}: `)
  })

  test('has no text for a client on the network', async () => {
    const bridge = await listening(['tcp://127.0.0.1:0'])
    const client = await connect(bridge.addresses[0])
    await expect(client.request('die')).rejects.toMatchObject({
      code: -31_002,
      message: expect.not.stringContaining('exited'),
      data: { code: 'PROCESS_EXITED', delivery: 'unknown' },
    })
    await vi.waitFor(() => expect(bridge.logged().join('\n')).toContain('exited with code 3'))
  })

  test('has the delivery of a request to a server over HTTP that is killed', async () => {
    const server = createServer((request) => {
      request.resume().on('end', () => request.socket.destroy())
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const bridge = run([...program, 'bridge', `http://127.0.0.1:${port}/mcp`])
    const response = bridge.responseTo(1)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: {} })
    expect(await response).toMatchObject({ error: { data: { delivery: 'unknown' } } })
  })

  test('has the delivery of a request that was not sent', async () => {
    const bridge = run([...program, 'bridge', 'http://127.0.0.1:1/mcp'])
    const response = bridge.responseTo(1)
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: {} })
    expect(await response).toMatchObject({ error: { data: { delivery: 'none' } } })
  })
})
