import { join } from 'node:path'
import { until } from '@mcpwire/compliance'
import { newFolder } from '@mcpwire/test-support/folders'
import { expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { linesOf } from './support/lines.js'
import { note, outcomesOf, record, request } from './support/messages.js'
import { processesWith, TIMEOUT_MS, untilGone } from './support/processes.js'
import { script } from './support/programs.js'

test('restarts a server only if it exits on server/discover before any other message', async () => {
  const code = `console.error('run'); process.stdin.once('data', () => process.exit(5))`
  for (const [method, runs] of [
    ['server/discover', 2],
    ['initialize', 1],
  ] as const) {
    const transport = stdioClient({ ...script(code), stderr: 'pipe' })
    const written = linesOf(transport.stderr as NonNullable<typeof transport.stderr>)
    const received = record(transport)
    await transport.start()
    await transport.send(request('probe', method))
    if (runs === 2) {
      await until(() => received.messages.length === 1, 'a response', TIMEOUT_MS)
      expect(received.messages[0]).toMatchObject({ id: 'probe', error: { data: { code: 'PROCESS_EXITED' } } })
      await transport.send(request(1, 'initialize'))
    }
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED', details: { exitCode: 5 } })
    expect(received.closes).toBe(1)
    await until(() => written.lines.length === runs, 'the output of each run', TIMEOUT_MS)
  }
})

test('leaves no process after close() during a restart', async () => {
  const transport = stdioClient({
    ...script(`process.stdin.once('data', () => process.exit(5))`),
    env: { MCPWIRE_TEST: 'again' },
    stderr: 'ignore',
  })
  const received = record(transport)
  await transport.start()
  const { pid } = transport
  await transport.send(request(1, 'server/discover'))
  await until(() => received.errors.length === 1, 'the exit of the first child', TIMEOUT_MS)
  const pending = transport.send(request(2, 'initialize'))
  await transport.close()
  expect(['CLOSED', 'sent']).toContain((await outcomesOf([pending]))[0])
  expect(received.closes).toBe(1)
  await untilGone(pid ?? 0)
  expect(processesWith('MCPWIRE_TEST', 'again')).toEqual([])
})

test('queues messages during a restart, up to a limit', async () => {
  await using folder = await newFolder()
  const second = join(folder.path, 'second')
  // The first run exits on the probe. The second is an echo.
  const code = `const { existsSync, writeFileSync } = require('node:fs')
    if (existsSync(process.argv[1])) process.stdin.pipe(process.stdout)
    else process.stdin.once('data', () => { writeFileSync(process.argv[1], ''); process.exit(5) })`
  const transport = stdioClient({ ...script(code, second), stderr: 'ignore' })
  const received = record(transport)
  let outcomes: Promise<string[]> | undefined
  // Called with the exit of the first run, before the second starts.
  transport.onerror = () => {
    const overLimit = transport.send(note(0, { text: 'x'.repeat(11_000_000) }))
    outcomes = outcomesOf([overLimit, ...Array.from({ length: 70 }, (_, n) => transport.send(note(n)))])
  }
  await transport.start()
  await transport.send(request('probe', 'server/discover'))
  await until(() => received.messages.length === 64, 'the queued messages', TIMEOUT_MS)
  expect(received.messages[0]).toMatchObject({ id: 'probe', error: { code: -31_002 } })
  expect(received.messages.slice(1)).toEqual(Array.from({ length: 63 }, (_, n) => note(n)))
  const kinds = (await outcomes) ?? []
  expect(kinds[0]).toBe('MESSAGE_TOO_LARGE')
  expect(kinds.filter((kind) => kind === 'SEND_FAILED')).toHaveLength(7)
  await transport.close()
})
