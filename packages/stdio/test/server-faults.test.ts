import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { until } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { stdioServer } from '../src/index.js'
import { linesOf, type Output } from './support/lines.js'
import { request } from './support/messages.js'
import { isRunning, TIMEOUT_MS, untilGone } from './support/processes.js'
import { program, script } from './support/programs.js'

const EXIT_GRACE_MS = 100

interface Served extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams
  readonly out: Output
  readonly err: Output
  write(message: object): void
  /** The report of the server at its exit. */
  exit(): Promise<{ code: number; closes: number; unsettled: number; uncaught: number }>
}

/** A server in a child process, with this test as its host. */
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

test('the end of input ends the conversation, and the process in spite of timers [STDIO-S-08]', async () => {
  await using served = serve()
  served.write(request(1, 'echo', { n: 1 }))
  await served.out.line('"n":1')
  const exited = once(served.child, 'exit')
  served.child.stdin.end()
  expect(await exited).toEqual([0, null])
  expect(await served.exit()).toMatchObject({ code: 0, closes: 1, unsettled: 0, uncaught: 0 })
  expect(served.err.lines).toContain('reason none')
})

test('a pending request gets its response after the end of input, within drainMs', async () => {
  await using served = serve({ drainMs: TIMEOUT_MS })
  await served.err.line('started')
  served.write(request(1, 'slow', { ms: 50 }))
  served.child.stdin.end()
  await served.exit()
  expect(served.out.lines).toEqual(['{"jsonrpc":"2.0","id":1,"result":{}}'])
})

test('a pending request delays the end by drainMs at most, and then receives an error', async () => {
  for (const drainMs of [0, 50]) {
    await using served = serve({ drainMs })
    await served.err.line('started')
    served.write(request(1, 'slow', { ms: 60_000 }))
    served.child.stdin.end()
    expect(await served.exit()).toMatchObject({ code: 0, closes: 1 })
    const [line = ''] = served.out.lines
    expect(JSON.parse(line)).toMatchObject({
      id: 1,
      error: {
        code: -31_006,
        data: { code: 'OUTCOME_UNKNOWN' },
        message: expect.stringContaining('drainMs'),
      },
    })
  }
})

test('only messages reach the host when other code writes to standard output [STDIO-S-02]', async () => {
  await using served = serve()
  served.write(request(1, 'stray'))
  await served.out.line('"id":1')
  expect(served.out.lines).toEqual(['{"jsonrpc":"2.0","id":1,"result":{}}'])
  for (const text of ['from console.log', 'from a raw write', 'from a console of its own'])
    await served.err.line(text)
})

test('a host that does not read blocks neither the event loop nor close()', async () => {
  await using served = serve({ closeTimeoutMs: 200, maxQueuedBytes: 65_536 }, { reads: false })
  served.write(request(1, 'pump'))
  const pumped = JSON.parse((await served.err.line('pumped ')).slice(7))
  expect(pumped.codes).toEqual(expect.arrayContaining(['OVERLOADED', 'sent']))
  expect(pumped.codes.filter((code: string) => !['CLOSED', 'OVERLOADED', 'sent'].includes(code))).toEqual([])
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

/** The host exits in round `round`: before, during or after its request. */
const moments = ['before', 'during', 'after'] as const
const points = Array.from({ length: ROUNDS }, (_, round) => moments.map((when) => ({ round, when }))).flat()

test.concurrent.each(points)(
  'the server exits in order when the host exits $when request $round',
  async (point) => {
    await using served = serve({ closeTimeoutMs: 100 })
    await served.err.line('started')
    for (let round = 0; round < point.round; round++) {
      served.write(request(round, 'echo', { text: 'x'.repeat(round * 2_000) }))
      await served.out.line(`"id":${round},`)
    }
    // More than the capacity of a pipe: responses are being sent when the host exits.
    const line = JSON.stringify(request(point.round, 'echo', { text: 'x'.repeat(200_000) }))
    if (point.when === 'during') served.child.stdin.write(line.slice(0, 100_000))
    if (point.when === 'after') served.child.stdin.write(`${line}\n`)
    // As after SIGKILL: both pipes close at once.
    served.child.stdin.destroy()
    served.child.stdout.destroy()
    expect(await served.exit()).toMatchObject({ code: 0, closes: 1, unsettled: 0, uncaught: 0 })
  },
)

test('the server exits after its host was killed, although a sibling holds the pipe', async () => {
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

test('stdioServer has no stderr and no pid, and opens nothing', async () => {
  const server = stdioServer()
  expect('stderr' in server).toBe(false)
  expect('pid' in server).toBe(false)
  await server.close()
  await until(() => server.state === 'closed', 'the end', TIMEOUT_MS)
})

test.each([
  ['ENOSPC', 'no space left on device', 'PEER_LOST'],
  ['EPIPE', 'broken pipe', undefined],
])(
  'output that fails with %s after the end of input (%s) gives the reason %s',
  async (code, text, expected) => {
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
  },
)

test('send() rejects with the reason of an output that failed before', async () => {
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
