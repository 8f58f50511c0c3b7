import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { until, within } from '@mcpwire/compliance'
import { type Layer, type Transport, tap, withLayers } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { type StdioClientOptions, stdioClient } from '../src/index.js'
import { temporaryFolder } from './support/folder.js'
import { linesOf } from './support/lines.js'
import { hearing, note, outcomesOf, request } from './support/messages.js'
import { PATIENCE_MS, processesWith, SLACK, untilGone } from './support/processes.js'
import { program, script } from './support/programs.js'

/** Answers every line with the same line. */
const echo = { command: 'cat' }
const message = (n: number): string => JSON.stringify(note(n))

describe('the end of a child', () => {
  const ends: [string, string, object | undefined][] = [
    ['exits with 0', 'process.exit(0)', undefined],
    ['exits with another code', 'console.error("one\\ntwo"); process.exit(7)', { exitCode: 7, signal: null }],
    ['is killed', 'process.kill(process.pid, "SIGKILL")', { exitCode: null, signal: 'SIGKILL' }],
  ]

  test.each(ends)('is known, with its reason, when it %s', async (_, code, details) => {
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    const heard = hearing(transport)
    await transport.start()
    const reason = await transport.closed
    if (details) expect(reason).toMatchObject({ code: 'PROCESS_EXITED', details })
    else expect(reason).toBeUndefined()
    expect(heard.closes).toBe(1)
    expect(heard.errors).toEqual(reason ? [reason] : [])
  })

  test('comes with the last of its standard error', async () => {
    const code = 'process.stderr.write("x".repeat(9000) + "\\nno such database\\n", () => process.exit(1))'
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    await transport.start()
    const reason = (await transport.closed) as Error & { details: { stderrTail: string } }
    expect(reason.message).toContain('exited with code 1: no such database')
    expect(reason.details.stderrTail).toHaveLength(4096)
    expect(reason.details.stderrTail).toMatch(/^x+\nno such database\n$/)
  })

  test('comes after all it has said', async () => {
    const count = 5_000
    const code = `const fs = require('node:fs')
      for (let n = 0; n < ${count}; n++) {
        const line = JSON.stringify({ jsonrpc: '2.0', method: 'note', params: { n } }) + '\\n'
        for (let from = 0; from < line.length;) try { from += fs.writeSync(1, line.slice(from)) } catch {}
      }
      process.exit(1)`
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    const heard = hearing(transport)
    await transport.start()
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED' })
    expect(heard.messages).toHaveLength(count)
  })

  const fails = 'process.stdin.resume().on("end", () => { console.error("no config"); process.exit(3) })'
  const says = `process.stdout.write('${message(1)}\\n');`

  test.each([
    ['never said anything, is told', fails, [{ code: 'PROCESS_EXITED', details: { exitCode: 3 } }]],
    ['said something, is not', says + fails, []],
  ])('as a failure after its input was ended by close(), where it %s', async (_, code, errors) => {
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    const heard = hearing(transport)
    await transport.start()
    if (code.startsWith(says)) await until(() => heard.messages.length === 1, 'it spoke', PATIENCE_MS)
    await transport.close()
    expect(heard.errors).toMatchObject(errors)
    for (const error of heard.errors) expect(error.message).toContain('exited with code 3: no config')
    expect([await transport.closed, heard.closes]).toEqual([undefined, 1])
  })

  test('waits for a consumer that is slow', async () => {
    const count = 200
    const line = JSON.stringify(note(0, { text: 'x'.repeat(1_000) }))
    const code = `process.stdout.write(\`${line}\n\`.repeat(${count}), () => process.exit(1))`
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    let heard = 0
    transport.onmessage = () => {
      heard++
      transport.flow?.pause()
      setImmediate(() => transport.flow?.resume())
    }
    await transport.start()
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED' })
    expect(heard).toBe(count)
  })

  test.each([
    ['obeys', ''],
    ['ignores SIGTERM', "trap '' TERM;"],
  ])('is known within 100 ms though a grandchild that %s holds its pipes', async (_, trap) => {
    const transport = stdioClient({
      command: 'sh',
      args: ['-c', `(${trap} while :; do sleep 1; done) & echo '${message(1)}'; read line; kill -9 $$`],
      env: { MCPWIRE_TEST: `grandchild${trap}` },
      stderr: 'ignore',
    })
    const heard = hearing(transport)
    await transport.start()
    await until(() => heard.messages.length === 1, 'it runs', PATIENCE_MS)
    const startedAt = performance.now()
    await transport.send(note(1))
    const reason = await within(transport.closed, 'the end is known', 100 * SLACK)
    expect(performance.now() - startedAt).toBeLessThan(100 * SLACK)
    expect(reason).toMatchObject({ code: 'PROCESS_EXITED', details: { signal: 'SIGKILL' } })
    expect(processesWith('MCPWIRE_TEST', `grandchild${trap}`)).toEqual([])
  })

  test('is orderly when it only closed its output, and had to be told to exit [STDIO-S-09]', async () => {
    const code = `require('node:fs').closeSync(1); setInterval(() => {}, 60_000)`
    const transport = stdioClient({ ...script(code), stderr: 'ignore', closeTimeoutMs: 100 })
    await transport.start()
    const { pid } = transport
    expect(await transport.closed).toBeUndefined()
    await untilGone(pid ?? 0)
  })
})

describe('standard error', () => {
  const code = 'console.error("to whom it may concern"); process.stdin.resume()'

  test('is a stream that is there before start() and ends with the child [STDIO-C-05]', async () => {
    const transport = stdioClient({ ...script(code), stderr: 'pipe' })
    const { stderr } = transport
    const written = linesOf(stderr as NonNullable<typeof stderr>)
    let isEnded = false
    stderr?.once('end', () => {
      isEnded = true
    })
    await transport.start()
    await written.line('to whom')
    expect(transport.stderr).toBe(stderr)
    await transport.close()
    await until(() => isEnded, 'it has ended', PATIENCE_MS)
  })

  test('is null where it was not asked for', async () => {
    for (const stderr of ['inherit', 'ignore'] as const)
      expect(stdioClient({ ...echo, stderr }).stderr).toBeNull()
  })

  test('goes to the standard error of this process unless something else was asked for [STDIO-C-05]', async () => {
    const inner = script(code)
    const host = program('host', 'stay', inner.command, ...inner.args)
    const transport = stdioClient({ ...host, stderr: 'pipe' })
    const written = linesOf(transport.stderr as NonNullable<typeof transport.stderr>)
    await transport.start()
    await written.line('to whom')
    await transport.close()
  })

  test.each(['pipe', 'ignore'] as const)(
    'never stalls a child that floods it (%s) [STDIO-C-05, STDIO-C-06]',
    async (stderr) => {
      const flood = 'head -c 100000000 /dev/zero >&2; echo end >&2; exec cat'
      const transport = stdioClient({ command: 'sh', args: ['-c', flood], stderr })
      const heard = hearing(transport)
      await transport.start()
      await transport.send(note(1))
      await until(() => heard.messages.length === 1, 'it answered', PATIENCE_MS)
      if (transport.stderr) {
        let bytes = 0
        let last = ''
        transport.stderr.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          last = chunk.toString('latin1')
        })
        await until(
          () => /\[\d+ bytes of standard error were dropped/.test(last),
          'told',
          PATIENCE_MS,
        )
        expect(bytes).toBeLessThan(4_194_304)
      }
      await transport.close()
    },
  )
})

describe('through layers', () => {
  test('stderr and pid stay', async () => {
    const inner = stdioClient({ ...echo, stderr: 'pipe' })
    const { stderr } = inner
    const transport = withLayers(inner, tap({})) as Transport & { stderr: unknown; pid: number | null }
    expect('stderr' in transport && 'pid' in transport).toBe(true)
    expect([transport.stderr, transport.pid]).toEqual([stderr, null])
    await transport.start()
    expect(transport.pid).toBe(transport.peer?.pid)
    await transport.close()
    expect(transport.pid).toBeNull()
  })

  test('an idle client connects again and again, each time to a new child', async () => {
    const pids: number[] = []
    const streams: unknown[] = []
    const twice: Layer = (next) => ({
      ...next,
      connect: async (sink, signal) => {
        for (let turn = 0; turn < 2; turn++) {
          let over: (() => void) | undefined
          const ended = new Promise<void>((resolve) => {
            over = resolve
          })
          const channel = await next.connect({ ...sink, end: () => over?.() }, signal)
          pids.push(channel.peer.pid ?? 0)
          streams.push(next.process?.stderr)
          process.kill(channel.peer.pid ?? 0, 'SIGKILL')
          await ended
        }
        return await next.connect(sink, signal)
      },
    })
    const code = 'console.error("hello", process.pid); process.stdin.pipe(process.stdout)'
    const transport = withLayers(stdioClient({ ...script(code), stderr: 'pipe' }), twice)
    const heard = hearing(transport)
    await transport.start()
    await transport.send(note(1))
    await until(() => heard.messages.length === 1, 'the third child answers', PATIENCE_MS)
    expect(new Set([...pids, transport.peer?.pid]).size).toBe(3)
    expect(new Set(streams).size).toBe(2)
    await transport.close()
    expect(await transport.closed).toBeUndefined()
  })
})

describe('secrets', () => {
  const secret = 'hunter2-hunter2'

  test.each([
    ['a program that is not there', { command: 'no-such-program' }],
    ['a program that fails', script('process.exit(1)')],
  ])('in arguments and variables are in no error about %s', async (_, how) => {
    const transport = stdioClient({
      command: how.command,
      args: [...('args' in how ? how.args : []), `--token=${secret}`],
      env: { TOKEN: secret },
      stderr: 'ignore',
    })
    const heard = hearing(transport)
    await transport.start().catch(() => {})
    const reason = await transport.closed
    expect(reason).toBeInstanceOf(Error)
    expect(inspect([reason, heard.errors, transport.peer, transport], { depth: 9 })).not.toContain(secret)
  })

  test('of a variable with a bad value are not shown', () => {
    const env = { TOKEN: [secret] } as unknown as NonNullable<StdioClientOptions['env']>
    try {
      stdioClient({ ...echo, env })
      expect.unreachable()
    } catch (error) {
      expect(inspect(error, { depth: 9 })).not.toContain(secret)
      expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'env.TOKEN' } })
    }
  })
})

test('aborting start() while the child starts rejects with the reason and leaves no process', async () => {
  const abort = new AbortController()
  const transport = stdioClient({
    command: 'sh',
    args: ['-c', 'sleep 1000 & sleep 1000'],
    env: { MCPWIRE_TEST: 'aborted' },
    stderr: 'ignore',
  })
  const starting = transport.start({ signal: abort.signal })
  abort.abort(new Error('changed my mind'))
  await expect(starting).rejects.toBe(abort.signal.reason)
  await until(() => processesWith('MCPWIRE_TEST', 'aborted').length === 0, 'no process is left', PATIENCE_MS)
})

test('sends to a child that is stuck are bounded by maxQueuedBytes, and all settle', async () => {
  const transport = stdioClient({ ...echo, maxQueuedBytes: 65_536, closeTimeoutMs: 200 })
  await transport.start()
  process.kill(transport.pid ?? 0, 'SIGSTOP')
  const outcomes = outcomesOf(
    Array.from({ length: 1_000 }, (_, n) => transport.send(note(n, { fill: 'x'.repeat(1_000) }))),
  )
  const { pid } = transport
  const startedAt = performance.now()
  await transport.close()
  expect(performance.now() - startedAt).toBeLessThan(200 * SLACK)
  const kinds = new Set(await outcomes)
  expect(kinds).toContain('OVERLOADED')
  expect([...kinds].filter((kind) => !['sent', 'CLOSED', 'OVERLOADED'].includes(kind))).toEqual([])
  await untilGone(pid ?? 0)
})

test('a child that ignores the end of its input ends with the process that runs it', async () => {
  const stubborn = script(
    `process.on('SIGTERM', () => {}); setInterval(() => {}, 60_000); console.error('runs')`,
  )
  const host = program('host', 'exit', stubborn.command, ...stubborn.args)
  const { stderr } = spawn(host.command, host.args, { stdio: ['pipe', 'ignore', 'pipe'] })
  const written = linesOf(stderr)
  const child = Number((await written.line('child ')).slice(6))
  expect(child).toBeGreaterThan(0)
  await untilGone(child)
})

test('the command, its arguments, variables and folder reach the child [STDIO-01, STDIO-18]', async () => {
  await using folder = await temporaryFolder()
  const code = `const [own, home] = [process.env.OWN, process.env.SHELLS]
    const facts = { argv: process.argv.slice(1), own, home, cwd: process.cwd() }
    console.log(JSON.stringify({ jsonrpc: '2.0', method: 'facts', params: facts })); process.stdin.resume()`
  const args = ['with space', '$HOME', '"quoted"', '& calc', '']
  const how = script(code, ...args)
  const transport = stdioClient({ ...how, env: { OWN: 'yes' }, cwd: folder.path })
  const heard = hearing(transport)
  await transport.start()
  await until(() => heard.messages.length === 1, 'it told', PATIENCE_MS)
  expect(heard.messages[0]).toMatchObject({ params: { argv: args, own: 'yes', cwd: folder.path } })
  expect(transport.peer?.address).toBe(`stdio:${process.execPath}`)
  await transport.close()
})

test('noise goes to onStrayOutput, at most 4096 characters a line, and what it throws is reported', async () => {
  const code = `console.log('npm warn'); console.log('x'.repeat(10_000)); console.log('${message(1)}')
    process.stdin.resume()`
  const noise: string[] = []
  const onStrayOutput = (text: string): void => {
    noise.push(text)
    throw new Error('cannot cope')
  }
  const transport = stdioClient({ ...script(code), onStrayOutput })
  const heard = hearing(transport)
  await transport.start()
  await until(() => heard.messages.length === 1, 'the message arrived', PATIENCE_MS)
  expect(noise.map((text) => text.length)).toEqual([8, 4096])
  expect(heard.errors.map(({ code }) => code)).toEqual(['CALLBACK_FAILED', 'CALLBACK_FAILED'])
  await transport.close()
})

test('noise is reported ten times to those who gave no onStrayOutput, and never ends the conversation', async () => {
  const code = `for (let n = 0; n < 50; n++) console.log('npm warn', n)
    console.log('${message(1)}'); process.stdin.resume()`
  const transport = stdioClient(script(code))
  const heard = hearing(transport)
  await transport.start()
  await until(() => heard.messages.length === 1, 'the message arrived', PATIENCE_MS)
  expect(heard.errors.map(({ code }) => code)).toEqual(Array(10).fill('MALFORMED_MESSAGE'))
  expect(heard.errors.at(-1)?.message).toContain('onStrayOutput')
  await transport.close()
})

describe('a flood of noise', () => {
  /** Each line is `y`; a pipe has room for 32 768 of them. */
  const LINES_IN_A_PIPE = 32_768

  test('leaves others their turn, and ends with the child', async () => {
    let [inTurn, most, total] = [0, 0, 0]
    const onStrayOutput = (): void => {
      total++
      most = Math.max(most, ++inTurn)
    }
    const transport = stdioClient({ command: 'yes', stderr: 'ignore', onStrayOutput })
    await transport.start()
    while (total < 20 * LINES_IN_A_PIPE) {
      await new Promise((resolve) => setImmediate(resolve))
      inTurn = 0
    }
    expect(most).toBeLessThanOrEqual(2 * LINES_IN_A_PIPE)
    process.kill(transport.pid ?? 0, 'SIGKILL')
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED', details: { signal: 'SIGKILL' } })
  })

  test('waits while the consumer does, and hides no message', async () => {
    let total = 0
    const command = `yes | head -n ${8 * LINES_IN_A_PIPE}; echo '${message(1)}'; cat`
    const onStrayOutput = (): void => void total++
    const transport = stdioClient({ command: 'sh', args: ['-c', command], stderr: 'ignore', onStrayOutput })
    const heard = hearing(transport)
    await transport.start()
    await until(() => total > LINES_IN_A_PIPE, 'some noise arrived', PATIENCE_MS)
    transport.flow?.pause()
    const before = total
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(total).toBe(before)
    transport.flow?.resume()
    await until(() => heard.messages.length === 1, 'the message arrived', PATIENCE_MS)
    expect(total).toBe(8 * LINES_IN_A_PIPE)
    await transport.close()
  })
})

test('only a server that was asked server/discover and nothing else is started again', async () => {
  const code = `console.error('run'); process.stdin.once('data', () => process.exit(5))`
  for (const [method, runs] of [
    ['server/discover', 2],
    ['initialize', 1],
  ] as const) {
    const transport = stdioClient({ ...script(code), stderr: 'pipe' })
    const written = linesOf(transport.stderr as NonNullable<typeof transport.stderr>)
    const heard = hearing(transport)
    await transport.start()
    await transport.send(request('probe', method))
    if (runs === 2) {
      await until(() => heard.messages.length === 1, 'an answer came', PATIENCE_MS)
      expect(heard.messages[0]).toMatchObject({ id: 'probe', error: { data: { code: 'PROCESS_EXITED' } } })
      await transport.send(request(1, 'initialize'))
    }
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED', details: { exitCode: 5 } })
    expect(heard.closes).toBe(1)
    await until(() => written.lines.length === runs, 'each run was heard', PATIENCE_MS)
  }
})

test('close() while a server starts again leaves no process', async () => {
  const transport = stdioClient({
    ...script(`process.stdin.once('data', () => process.exit(5))`),
    env: { MCPWIRE_TEST: 'again' },
    stderr: 'ignore',
  })
  const heard = hearing(transport)
  await transport.start()
  const { pid } = transport
  await transport.send(request(1, 'server/discover'))
  await until(() => heard.errors.length === 1, 'the first has ended', PATIENCE_MS)
  const late = transport.send(request(2, 'initialize'))
  await transport.close()
  expect(['CLOSED', 'sent']).toContain((await outcomesOf([late]))[0])
  expect(heard.closes).toBe(1)
  await untilGone(pid ?? 0)
  expect(processesWith('MCPWIRE_TEST', 'again')).toEqual([])
})

test('a program is found by PATH of the child, and one that is a script runs without a shell', async () => {
  await using folder = await temporaryFolder()
  await mkdir(join(folder.path, 'bin'))
  const path = join(folder.path, 'bin', 'my-server')
  await writeFile(path, '#!/bin/sh\nexec cat\n', { mode: 0o755 })
  const transport = stdioClient({
    command: 'my-server',
    env: { PATH: `${join(folder.path, 'bin')}:${process.env['PATH']}` },
  })
  const heard = hearing(transport)
  await transport.start()
  await transport.send(note(1))
  await until(() => heard.messages.length === 1, 'it answers', PATIENCE_MS)
  await transport.close()
})

test('what is sent while a server starts again waits for it, to a limit', async () => {
  await using folder = await temporaryFolder()
  const second = join(folder.path, 'second')
  // The first run exits on the probe; the second echoes what it hears.
  const code = `const { existsSync, writeFileSync } = require('node:fs')
    if (existsSync(process.argv[1])) process.stdin.pipe(process.stdout)
    else process.stdin.once('data', () => { writeFileSync(process.argv[1], ''); process.exit(5) })`
  const transport = stdioClient({ ...script(code, second), stderr: 'ignore' })
  const heard = hearing(transport)
  let outcomes: Promise<string[]> | undefined
  // It is told of the first run's end before the second begins.
  transport.onerror = () => {
    const tooLong = transport.send(note(0, { text: 'x'.repeat(11_000_000) }))
    outcomes = outcomesOf([tooLong, ...Array.from({ length: 70 }, (_, n) => transport.send(note(n)))])
  }
  await transport.start()
  await transport.send(request('probe', 'server/discover'))
  await until(() => heard.messages.length === 64, 'all that waited came back', PATIENCE_MS)
  expect(heard.messages[0]).toMatchObject({ id: 'probe', error: { code: -31_002 } })
  expect(heard.messages.slice(1)).toEqual(Array.from({ length: 63 }, (_, n) => note(n)))
  const kinds = (await outcomes) ?? []
  expect(kinds[0]).toBe('MESSAGE_TOO_LARGE')
  expect(kinds.filter((kind) => kind === 'SEND_FAILED')).toHaveLength(7)
  await transport.close()
})
