import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@mcpwire/compliance'
import { type Layer, type Transport, tap, withLayers } from '@mcpwire/core'
import { newFolder } from '@mcpwire/test-support/folders'
import { describe, expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { linesOf } from './support/lines.js'
import { note, outcomesOf, record } from './support/messages.js'
import { TIMEOUT_MS, untilGone, untilNoneWith } from './support/processes.js'
import { program, script } from './support/programs.js'

/** Echoes every line. */
const echo = { command: 'cat' }

test('start() rejects with the reason of an abort and leaves no process', async () => {
  const abort = new AbortController()
  const transport = stdioClient({
    command: 'sh',
    args: ['-c', 'sleep 1000 & sleep 1000'],
    env: { MCPWIRE_TEST: 'aborted' },
    stderr: 'ignore',
  })
  const starting = transport.start({ signal: abort.signal })
  abort.abort(new Error('aborted'))
  await expect(starting).rejects.toBe(abort.signal.reason)
  await untilNoneWith('MCPWIRE_TEST', 'aborted')
})

test('limits the queue for a stopped child to maxQueuedBytes, and settles every send', async () => {
  const transport = stdioClient({ ...echo, maxQueuedBytes: 65_536, closeTimeoutMs: 200 })
  await transport.start()
  process.kill(transport.pid ?? 0, 'SIGSTOP')
  const outcomes = outcomesOf(
    Array.from({ length: 1_000 }, (_, n) => transport.send(note(n, { fill: 'x'.repeat(1_000) }))),
  )
  const { pid } = transport
  await transport.close()
  const kinds = new Set(await outcomes)
  expect(kinds).toContain('OVERLOADED')
  expect([...kinds].filter((kind) => !['sent', 'CLOSED', 'OVERLOADED'].includes(kind))).toEqual([])
  await untilGone(pid ?? 0)
})

test('kills a child that ignores the end of its input when this process exits', async () => {
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

test('passes command, arguments, variables and working directory to the child [STDIO-01, STDIO-18]', async () => {
  await using folder = await newFolder()
  const code = `const [own, home] = [process.env.OWN, process.env.SHELLS]
    const facts = { argv: process.argv.slice(1), own, home, cwd: process.cwd() }
    console.log(JSON.stringify({ jsonrpc: '2.0', method: 'facts', params: facts })); process.stdin.resume()`
  const args = ['with space', '$HOME', '"quoted"', '& calc', '']
  const how = script(code, ...args)
  const transport = stdioClient({ ...how, env: { OWN: 'yes' }, cwd: folder.path })
  const received = record(transport)
  await transport.start()
  await until(() => received.messages.length === 1, 'a message', TIMEOUT_MS)
  expect(received.messages[0]).toMatchObject({ params: { argv: args, own: 'yes', cwd: folder.path } })
  expect(transport.peer?.address).toBe(`stdio:${process.execPath}`)
  await transport.close()
})

test('finds a program in the PATH of the child, and runs a script without a shell', async () => {
  await using folder = await newFolder()
  await mkdir(join(folder.path, 'bin'))
  const path = join(folder.path, 'bin', 'my-server')
  await writeFile(path, '#!/bin/sh\nexec cat\n', { mode: 0o755 })
  const transport = stdioClient({
    command: 'my-server',
    env: { PATH: `${join(folder.path, 'bin')}:${process.env['PATH']}` },
  })
  const received = record(transport)
  await transport.start()
  await transport.send(note(1))
  await until(() => received.messages.length === 1, 'a response', TIMEOUT_MS)
  await transport.close()
})

describe('layers', () => {
  test('keep stderr and pid', async () => {
    const inner = stdioClient({ ...echo, stderr: 'pipe' })
    const { stderr } = inner
    const transport = withLayers(inner, tap({})) as Transport & { stderr: unknown; pid: number | null }
    expect(transport).toHaveProperty('stderr', stderr)
    expect(transport).toHaveProperty('pid', null)
    await transport.start()
    expect(transport.pid).toBe(transport.peer?.pid)
    await transport.close()
    expect(transport.pid).toBeNull()
  })

  test('can connect several times, each time to a new child', async () => {
    const pids: number[] = []
    const streams: unknown[] = []
    const twice: Layer = (next) => ({
      ...next,
      connect: async (sink, signal) => {
        for (let turn = 0; turn < 2; turn++) {
          let onend: (() => void) | undefined
          const ended = new Promise<void>((resolve) => {
            onend = resolve
          })
          const channel = await next.connect({ ...sink, end: () => onend?.() }, signal)
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
    const received = record(transport)
    await transport.start()
    await transport.send(note(1))
    await until(() => received.messages.length === 1, 'a response of the third child', TIMEOUT_MS)
    expect(new Set([...pids, transport.peer?.pid]).size).toBe(3)
    expect(new Set(streams).size).toBe(2)
    await transport.close()
    expect(await transport.closed).toBeUndefined()
  })
})
