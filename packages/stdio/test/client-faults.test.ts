import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startLeakCheck, until } from '@mcpwire/compliance'
import { uncaughtErrors } from '@mcpwire/test-support/uncaught-errors'
import { expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { outcomesOf, record, request } from './support/messages.js'
import { processesWith, TIMEOUT_MS, untilNoneWith } from './support/processes.js'
import { program, script } from './support/programs.js'

const ROUNDS = 10

/** The server exits in round `round`: before, during or after its response. */
const moments = ['before', 'during', 'after'] as const
const points = Array.from({ length: ROUNDS }, (_, round) => moments.map((when) => ({ round, when }))).flat()

/** Responds to requests, and kills itself at one point of the conversation. */
const SERVER = `const [exitIn, when] = [Number(process.argv[1]), process.argv[2]]
  const exit = () => process.kill(process.pid, 'SIGKILL')
  let rest = ''
  let round = 0
  process.stdin.on('data', (text) => {
    const lines = (rest + text).split('\\n')
    rest = lines.pop()
    for (const line of lines) {
      const { id, params } = JSON.parse(line)
      const response = JSON.stringify({ jsonrpc: '2.0', id, result: params }) + '\\n'
      const isLast = round++ === exitIn
      if (isLast && when === 'before') exit()
      else if (isLast && when === 'during') process.stdout.write(response.slice(0, -20), exit)
      else process.stdout.write(response, isLast ? exit : undefined)
    }
  })`

test.concurrent.each(points)(
  'settles every send once when the server exits $when its response in round $round',
  async ({ round, when }) => {
    const uncaught = uncaughtErrors()
    const transport = stdioClient({
      ...script(SERVER, String(round), when),
      stderr: 'ignore',
      closeTimeoutMs: 500,
    })
    const received = record(transport)
    await transport.start()
    const settled: Promise<string[]>[] = []
    for (let id = 0; id <= ROUNDS && transport.state === 'open'; id++) {
      const text = 'x'.repeat((id % 3) * 50_000)
      settled.push(
        outcomesOf([transport.send(request(id, 'echo', { text })), transport.send(request(-id, 'echo'))]),
      )
      const responses = when === 'after' ? id + 1 : id
      if (id === round) break
      await until(
        () => transport.state !== 'open' || received.messages.length > responses,
        'a response',
        TIMEOUT_MS,
      )
    }
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED', details: { signal: 'SIGKILL' } })
    for (const kind of (await Promise.all(settled)).flat())
      expect(['sent', 'CLOSED', 'SEND_FAILED']).toContain(kind)
    expect(await outcomesOf([transport.send(request(99, 'echo'))])).toEqual(['CLOSED'])
    await transport.close()
    expect(received.closes).toBe(1)
    expect(uncaught).toEqual([])
  },
)

test('ends a shell, a server and a grandchild that ignore SIGTERM', async () => {
  const stubborn = `process.on('SIGTERM', () => {}); setInterval(() => {}, 60_000)`
  const server = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}], { stdio: 'inherit' })
    ${stubborn}
    console.log(JSON.stringify({ jsonrpc: '2.0', method: 'ready' }))`
  const transport = stdioClient({
    command: 'sh',
    args: ['-c', `trap '' TERM; "$0" -e "$1"; sleep 1000`, process.execPath, server],
    env: { MCPWIRE_TEST: 'stubborn' },
    stderr: 'ignore',
    closeTimeoutMs: 400,
  })
  const received = record(transport)
  const running = (): number[] => processesWith('MCPWIRE_TEST', 'stubborn')
  await transport.start()
  await until(() => received.messages.length === 1 && running().length === 3, 'three processes', TIMEOUT_MS)

  await Promise.all([transport.close(), transport.close()])
  await untilNoneWith('MCPWIRE_TEST', 'stubborn')
  expect(received.closes).toBe(1)
})

test.each([
  ['die', 'PROCESS_EXITED'],
  ['close', 'in order'],
])('a host at its limit of open files gets the end and leaves no process (%s)', async (how, end) => {
  const { command, args } = program('crowded', how, how)
  const host = ['-c', 'ulimit -n 100; exec "$0" "$@"', command, ...args]
  const { stdout, stderr } = await promisify(execFile)('sh', host, { timeout: TIMEOUT_MS })
  expect({ stdout, stderr }).toEqual({ stdout: `${end}\n`, stderr: '' })
  await untilNoneWith('CROWDED', how)
})

test('leaves no process, handle, file or listener after 200 children', async () => {
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
  await leaks.released(TIMEOUT_MS)
  await untilNoneWith('MCPWIRE_TEST', 'cycle')
  expect(listeners()).toEqual(before)
  process.off('warning', warn)
  expect(warnings).toEqual([])
})
