import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { until } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { stdioServer } from '../src/index.js'
import { linesOf, type Written } from './support/lines.js'
import { request } from './support/messages.js'
import { isRunning, PATIENCE_MS, SLACK, untilGone } from './support/processes.js'
import { program, script } from './support/programs.js'

const EXIT_GRACE_MS = 100

interface Served extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams
  readonly out: Written
  readonly err: Written
  write(message: object): void
  /** What the server says of itself when it exits. */
  exit(): Promise<{ code: number; closes: number; unsettled: number; uncaught: number }>
}

/** A server in a child of its own, whose host this test is. */
function serve(options: object = {}, { reads = true } = {}): Served {
  const { command, args } = program('server', JSON.stringify({ exitGraceMs: EXIT_GRACE_MS, ...options }))
  const child = spawn(command, args)
  const exited = once(child, 'exit')
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {})
  const out = reads ? linesOf(child.stdout) : { text: '', lines: [], line: async () => '' }
  const err = linesOf(child.stderr)
  return {
    child,
    out,
    err,
    write: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    exit: async () => JSON.parse((await err.line('exit ')).slice(5)),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

test('the end of input ends the conversation at once, and the process despite its timers [STDIO-S-08]', async () => {
  await using served = serve()
  served.write(request(1, 'echo', { n: 1 }))
  await served.out.line('"n":1')
  const exited = once(served.child, 'exit')
  const endedAt = performance.now()
  served.child.stdin.end()
  const [, ms] = /after (.+) ms/.exec(await served.err.line('closed after')) ?? []
  expect(Number(ms)).toBeLessThan(100 * SLACK)
  expect(await exited).toEqual([0, null])
  expect(performance.now() - endedAt).toBeLessThan(EXIT_GRACE_MS * SLACK)
  expect(await served.exit()).toMatchObject({ code: 0, closes: 1, unsettled: 0, uncaught: 0 })
  expect(served.err.lines).toContain('reason none')
})

test('a request in flight is answered after the end of input, within drainMs', async () => {
  await using served = serve({ drainMs: PATIENCE_MS })
  await served.err.line('started')
  served.write(request(1, 'slow', { ms: 50 }))
  served.child.stdin.end()
  await served.exit()
  expect(served.out.lines).toEqual(['{"jsonrpc":"2.0","id":1,"result":{}}'])
})

test('a request in flight is not waited for without drainMs, nor longer than it', async () => {
  for (const drainMs of [0, 50]) {
    await using served = serve({ drainMs })
    await served.err.line('started')
    served.write(request(1, 'slow', { ms: 60_000 }))
    served.child.stdin.end()
    expect(await served.exit()).toMatchObject({ code: 0, closes: 1 })
    expect(served.out.lines).toEqual([])
  }
})

test('nothing but messages reaches the host, whoever writes to standard output [STDIO-S-02]', async () => {
  await using served = serve()
  served.write(request(1, 'noise'))
  await served.out.line('"id":1')
  expect(served.out.lines).toEqual(['{"jsonrpc":"2.0","id":1,"result":{}}'])
  for (const text of ['from console.log', 'from a raw write', 'from a console of its own'])
    await served.err.line(text)
})

test('a host that never reads blocks nothing: sends are refused in time and close() returns', async () => {
  const closeTimeoutMs = 200
  await using served = serve({ closeTimeoutMs, maxQueuedBytes: 65_536 }, { reads: false })
  served.write(request(1, 'pump'))
  const pumped = JSON.parse((await served.err.line('pumped ')).slice(7))
  expect(pumped.codes).toEqual(expect.arrayContaining(['OVERLOADED', 'sent']))
  expect(pumped.codes.filter((code: string) => !['CLOSED', 'OVERLOADED', 'sent'].includes(code))).toEqual([])
  expect(pumped.longestTurnMs).toBeLessThan(100 * SLACK)
  expect(pumped.closeMs).toBeLessThan(closeTimeoutMs * SLACK)
  expect(await served.exit()).toMatchObject({ code: 0, closes: 1, unsettled: 0, uncaught: 0 })
})

test('a host that closed only its reading end does not crash the server (EPIPE)', async () => {
  await using served = serve({ closeTimeoutMs: 100 })
  await served.err.line('started')
  served.child.stdout.destroy()
  for (let id = 0; id < 20; id++) served.write(request(id, 'echo', { text: 'x'.repeat(1000) }))
  expect(await served.exit()).toMatchObject({ code: 0, closes: 1, unsettled: 0, uncaught: 0 })
  expect(served.err.lines).toContain('reason PEER_LOST')
})

const ROUNDS = 10

/** Where the host is in round `round` when it dies: before it asks, while it asks, after it asked. */
const moments = ['before', 'amid', 'after'] as const
const points = Array.from({ length: ROUNDS }, (_, round) => moments.map((when) => ({ round, when }))).flat()

test.concurrent.each(points)(
  'a host that dies $when request $round leaves no trace of trouble',
  async (point) => {
    await using served = serve({ closeTimeoutMs: 100 })
    await served.err.line('started')
    for (let round = 0; round < point.round; round++) {
      served.write(request(round, 'echo', { text: 'x'.repeat(round * 2_000) }))
      await served.out.line(`"id":${round},`)
    }
    // More than a pipe holds, so that the answers are on their way when the host goes.
    const asked = JSON.stringify(request(point.round, 'echo', { text: 'x'.repeat(200_000) }))
    if (point.when === 'amid') served.child.stdin.write(asked.slice(0, 100_000))
    if (point.when === 'after') served.child.stdin.write(`${asked}\n`)
    // What is left of a process that was killed: both pipes closed at once.
    served.child.stdin.destroy()
    served.child.stdout.destroy()
    expect(await served.exit()).toMatchObject({ code: 0, closes: 1, unsettled: 0, uncaught: 0 })
  },
)

test('a host that was killed while a sibling holds its pipe ends the server', async () => {
  const { args } = program('server', JSON.stringify({ parentCheckMs: 50, exitGraceMs: 50 }))
  // The sibling's standard output is the writing end of the server's input.
  const host = spawn(
    process.execPath,
    script(
      `const { spawn } = require('node:child_process')
      const server = spawn(process.execPath, process.argv.slice(1), { stdio: ['pipe', 'ignore', 'pipe'] })
      server.stderr.once('data', () => {
        const sibling = spawn('sleep', ['1000'], { stdio: ['ignore', server.stdin, 'ignore'] })
        sibling.once('spawn', () => console.log(server.pid, sibling.pid, 'ready'))
      })`,
      ...args,
    ).args,
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const out = linesOf(host.stdout)
  const [server = 0, sibling = 0] = (await out.line('ready')).split(' ').map(Number)
  try {
    host.kill('SIGKILL')
    await once(host, 'exit')
    expect(isRunning(sibling)).toBe(true)
    await untilGone(server)
  } finally {
    for (const pid of [server, sibling]) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
  }
})

test('stdioServer is no child for the v2 client, and opens nothing', async () => {
  const server = stdioServer()
  expect('stderr' in server).toBe(false)
  expect('pid' in server).toBe(false)
  await server.close()
  await until(() => server.state === 'closed', 'it is closed', PATIENCE_MS)
})

test.each([
  ['ENOSPC', 'no space left on device', 'PEER_LOST'],
  ['EPIPE', 'broken pipe', undefined],
])('output that fails by %s after the end of input: %s', async (code, text, expected) => {
  const stdin = new PassThrough()
  const failure = Object.assign(new Error(`${code}: ${text}, write`), { code })
  const stdout = new Writable({ write: (_chunk, _encoding, done) => setImmediate(done, failure) })
  const server = stdioServer({ stdin, stdout, drainMs: 1_000 })
  server.onmessage = (message) => {
    setImmediate(() => {
      if ('id' in message)
        server.send({ jsonrpc: '2.0', id: message.id as number, result: {} }).catch(() => {})
    })
  }
  await server.start()
  stdin.end(`${JSON.stringify(request(1, 'ping'))}\n`)
  const reason = await server.closed

  expect((reason as { code?: unknown } | undefined)?.code).toBe(expected)
  if (expected) expect(reason?.message).toContain(text)
})

test('what cannot be sent any more says why', async () => {
  const stdin = new PassThrough()
  const failure = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const stdout = new Writable({ write: (_chunk, _encoding, done) => setImmediate(done, failure) })
  const server = stdioServer({ stdin, stdout })
  await server.start()
  await server.send({ jsonrpc: '2.0', id: 1, result: {} })
  await once(stdout, 'error')

  await expect(server.send({ jsonrpc: '2.0', id: 2, result: {} })).rejects.toThrow(/no space left on device/)
  await server.close()
})
