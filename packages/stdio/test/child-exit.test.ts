import { until, within } from '@mcpwire/compliance'
import { describe, expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { note, record } from './support/messages.js'
import { TIMEOUT_MS, untilGone, untilNoneWith } from './support/processes.js'
import { script } from './support/programs.js'

const message = (n: number): string => JSON.stringify(note(n))

describe('the exit of a child', () => {
  const exits: [string, string, object | undefined][] = [
    ['exits with code 0', 'process.exit(0)', undefined],
    ['exits with another code', 'console.error("one\\ntwo"); process.exit(7)', { exitCode: 7, signal: null }],
    ['is killed', 'process.kill(process.pid, "SIGKILL")', { exitCode: null, signal: 'SIGKILL' }],
  ]

  test.each(exits)('settles closed when the child %s', async (_, code, details) => {
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    const received = record(transport)
    await transport.start()
    const reason = await transport.closed
    if (details) expect(reason).toMatchObject({ code: 'PROCESS_EXITED', details })
    else expect(reason).toBeUndefined()
    expect(received.closes).toBe(1)
    expect(received.errors).toEqual(reason ? [reason] : [])
  })

  test('is reported with the tail of standard error', async () => {
    const code = 'process.stderr.write("x".repeat(9000) + "\\nno such database\\n", () => process.exit(1))'
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    await transport.start()
    const reason = (await transport.closed) as Error & { details: { stderrTail: string } }
    expect(reason.message).toMatch(/exited with code 1: .*no such database/)
    expect(reason.details.stderrTail).toHaveLength(4096)
    expect(reason.details.stderrTail).toMatch(/^x+\nno such database\n$/)
  })

  test('is reported after all messages of the child', async () => {
    const count = 5_000
    const code = `const fs = require('node:fs')
      for (let n = 0; n < ${count}; n++) {
        const line = JSON.stringify({ jsonrpc: '2.0', method: 'note', params: { n } }) + '\\n'
        for (let from = 0; from < line.length;) try { from += fs.writeSync(1, line.slice(from)) } catch {}
      }
      process.exit(1)`
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    const received = record(transport)
    await transport.start()
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED' })
    expect(received.messages).toHaveLength(count)
  })

  const fails = 'process.stdin.resume().on("end", () => { console.error("no config"); process.exit(3) })'
  const writes = `process.stdout.write('${message(1)}\\n');`

  test.each([
    [
      'is reported for a child that never wrote',
      fails,
      [{ code: 'PROCESS_EXITED', details: { exitCode: 3 } }],
    ],
    ['is not reported for a child that wrote', writes + fails, []],
  ])('with a failure after close() %s', async (_, code, errors) => {
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    const received = record(transport)
    await transport.start()
    if (code.startsWith(writes)) await until(() => received.messages.length === 1, 'a message', TIMEOUT_MS)
    await transport.close()
    expect(received.errors).toMatchObject(errors)
    for (const error of received.errors) expect(error.message).toContain('exited with code 3: no config')
    expect(await transport.closed).toBeUndefined()
    expect(received.closes).toBe(1)
  })

  test('is reported after a slow consumer has read everything', async () => {
    const count = 200
    const line = JSON.stringify(note(0, { text: 'x'.repeat(1_000) }))
    const code = `process.stdout.write(\`${line}\n\`.repeat(${count}), () => process.exit(1))`
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    let received = 0
    transport.onmessage = () => {
      received++
      transport.flow?.pause()
      setImmediate(() => transport.flow?.resume())
    }
    await transport.start()
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED' })
    expect(received).toBe(count)
  })

  test.each([
    ['obeys SIGTERM', ''],
    ['ignores SIGTERM', "trap '' TERM;"],
  ])('is reported while a grandchild that %s holds the pipes', async (_, trap) => {
    const transport = stdioClient({
      command: 'sh',
      args: ['-c', `(${trap} while :; do sleep 1; done) & echo '${message(1)}'; read line; kill -9 $$`],
      env: { MCPWIRE_TEST: `grandchild${trap}` },
      stderr: 'ignore',
    })
    const received = record(transport)
    await transport.start()
    await until(() => received.messages.length === 1, 'a message', TIMEOUT_MS)
    await transport.send(note(1))
    // The grandchild never closes the pipes.
    const reason = await within(transport.closed, 'the end', TIMEOUT_MS)
    expect(reason).toMatchObject({ code: 'PROCESS_EXITED', details: { signal: 'SIGKILL' } })
    await untilNoneWith('MCPWIRE_TEST', `grandchild${trap}`)
  })

  test('is orderly after the child closed its output and got a signal [STDIO-S-09]', async () => {
    const code = `require('node:fs').closeSync(1); setInterval(() => {}, 60_000)`
    const transport = stdioClient({ ...script(code), stderr: 'ignore', closeTimeoutMs: 100 })
    await transport.start()
    const { pid } = transport
    expect(await transport.closed).toBeUndefined()
    await untilGone(pid ?? 0)
  })
})
