import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startLeakCheck, until } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { hearing, outcomesOf, request } from './support/messages.js'
import { PATIENCE_MS, processesWith, SLACK } from './support/processes.js'
import { program, script } from './support/programs.js'

const ROUNDS = 10

/** Where the server is in round `round` when it dies: before it answers, amid its answer, after it. */
const moments = ['before', 'amid', 'after'] as const
const points = Array.from({ length: ROUNDS }, (_, round) => moments.map((when) => ({ round, when }))).flat()

/** Answers requests, and kills itself at one point of the conversation. */
const MORTAL = `const [dieIn, when] = [Number(process.argv[1]), process.argv[2]]
  const die = () => process.kill(process.pid, 'SIGKILL')
  let held = ''
  let round = 0
  process.stdin.on('data', (text) => {
    const lines = (held + text).split('\\n')
    held = lines.pop()
    for (const line of lines) {
      const { id, params } = JSON.parse(line)
      const answer = JSON.stringify({ jsonrpc: '2.0', id, result: params }) + '\\n'
      const isLast = round++ === dieIn
      if (isLast && when === 'before') die()
      else if (isLast && when === 'amid') process.stdout.write(answer.slice(0, -20), die)
      else process.stdout.write(answer, isLast ? die : undefined)
    }
  })`

test.concurrent.each(points)(
  'a server that dies $when its answer in round $round',
  async ({ round, when }) => {
    const uncaught: unknown[] = []
    const note = (error: unknown): void => void uncaught.push(error)
    process.on('unhandledRejection', note).on('uncaughtException', note)
    const transport = stdioClient({
      ...script(MORTAL, String(round), when),
      stderr: 'ignore',
      closeTimeoutMs: 500,
    })
    const heard = hearing(transport)
    await transport.start()
    const settled: Promise<string[]>[] = []
    for (let id = 0; id <= ROUNDS && transport.state === 'open'; id++) {
      const text = 'x'.repeat((id % 3) * 50_000)
      settled.push(
        outcomesOf([transport.send(request(id, 'echo', { text })), transport.send(request(-id, 'echo'))]),
      )
      const answers = when === 'after' ? id + 1 : id
      if (id === round) break
      await until(
        () => transport.state !== 'open' || heard.messages.length > answers,
        'an answer',
        PATIENCE_MS,
      )
    }
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED', details: { signal: 'SIGKILL' } })
    for (const kind of (await Promise.all(settled)).flat())
      expect(['sent', 'CLOSED', 'SEND_FAILED']).toContain(kind)
    expect(await outcomesOf([transport.send(request(99, 'echo'))])).toEqual(['CLOSED'])
    await transport.close()
    expect(heard.closes).toBe(1)
    process.off('unhandledRejection', note).off('uncaughtException', note)
    expect(uncaught).toEqual([])
  },
)

test('a shell, a server and grandchildren that all ignore SIGTERM are gone within closeTimeoutMs', async () => {
  const closeTimeoutMs = 400
  const stubborn = `process.on('SIGTERM', () => {}); setInterval(() => {}, 60_000)`
  const server = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}], { stdio: 'inherit' })
    ${stubborn}
    console.log(JSON.stringify({ jsonrpc: '2.0', method: 'ready' }))`
  const transport = stdioClient({
    command: 'sh',
    args: ['-c', `trap '' TERM; "$0" -e "$1"; sleep 1000`, process.execPath, server],
    env: { MCPWIRE_TEST: 'stubborn' },
    stderr: 'ignore',
    closeTimeoutMs,
  })
  const heard = hearing(transport)
  const living = (): number[] => processesWith('MCPWIRE_TEST', 'stubborn')
  await transport.start()
  await until(() => heard.messages.length === 1 && living().length === 3, 'all three run', PATIENCE_MS)

  const startedAt = performance.now()
  await Promise.all([transport.close(), transport.close()])
  expect(performance.now() - startedAt).toBeLessThan(closeTimeoutMs * SLACK)
  expect(living()).toEqual([])
  expect(heard.closes).toBe(1)
})

test.each([
  ['die', 'PROCESS_EXITED'],
  ['close', 'in order'],
])('a host without a file to open is told of the end, and leaves no process: %s', async (how, told) => {
  const { command, args } = program('crowded', how, how)
  const host = ['-c', 'ulimit -n 100; exec "$0" "$@"', command, ...args]
  const { stdout, stderr } = await promisify(execFile)('sh', host, { timeout: PATIENCE_MS })
  expect([stdout, stderr]).toEqual([`${told}\n`, ''])
  expect(processesWith('CROWDED', how)).toEqual([])
})

test('after 200 children there is no process, handle, file or listener left', async () => {
  const warnings: Error[] = []
  const warn = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warn)
  const cycle = async (stderr: 'inherit' | 'pipe' | 'ignore'): Promise<void> => {
    const transport = stdioClient({ command: 'cat', env: { MCPWIRE_TEST: 'cycle' }, stderr })
    await transport.start()
    await transport.send(request(1, 'echo'))
    await transport.close()
  }
  const modes = ['inherit', 'pipe', 'ignore'] as const
  for (const mode of modes) await cycle(mode)
  const leaks = await startLeakCheck()
  const listeners = (): number[] => ['drain', 'error'].map((name) => process.stderr.listenerCount(name))
  const before = listeners()
  for (let count = 0; count < 40; count++) {
    await Promise.all(Array.from({ length: 5 }, (_, n) => cycle(modes[(count + n) % 3] ?? 'pipe')))
  }
  await leaks.released(PATIENCE_MS)
  expect(processesWith('MCPWIRE_TEST', 'cycle')).toEqual([])
  expect(listeners()).toEqual(before)
  process.off('warning', warn)
  expect(warnings).toEqual([])
})
