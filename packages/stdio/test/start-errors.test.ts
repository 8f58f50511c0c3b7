import { execFile } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { newFolder } from '@mcpwire/test-support/folders'
import { describe, expect, test } from 'vitest'
import { checkCommand, type StdioClientOptions, stdioClient } from '../src/index.js'
import { record } from './support/messages.js'

describe('start() of a child that cannot be started', () => {
  async function failureOf(options: Partial<StdioClientOptions>): Promise<unknown> {
    const transport = stdioClient({ command: 'cat', stderr: 'ignore', ...options })
    const received = record(transport)
    const failure = await transport.start().catch((error: unknown) => error)
    expect(received.closes).toBe(1)
    expect(await transport.closed).toBe(failure)
    expect(transport.pid).toBeNull()
    return failure
  }

  test('names option "command" for a missing program', async () => {
    expect(await failureOf({ command: 'no-such-program' })).toMatchObject({
      code: 'CONNECT_FAILED',
      details: { address: 'stdio:no-such-program', option: 'command' },
      cause: { code: 'ENOENT' },
    })
  })

  test.skipIf(process.platform === 'win32')(
    'hints at the limit of open files when it is reached',
    async () => {
      const program = fileURLToPath(new URL('programs/many-files.mjs', import.meta.url))
      const stdio = fileURLToPath(new URL('../src/index.ts', import.meta.url))
      const node = [process.execPath, '--conditions=@mcpwire/source', '--import', 'tsx', program, stdio]
      const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n 200; exec "$0" "$@"', ...node])
      expect(JSON.parse(stdout)).toMatchObject({
        code: 'CONNECT_FAILED',
        details: { hint: expect.stringContaining('ulimit -n') },
      })
    },
  )

  test('names option "command" for a file that is not executable', async () => {
    await using folder = await newFolder()
    const path = join(folder.path, 'text')
    await writeFile(path, 'text')
    const details = { option: 'command' }
    expect(await failureOf({ command: path })).toMatchObject({ code: 'CONNECT_FAILED', details })
  })

  test('names option "cwd" for a missing folder', async () => {
    const details = { option: 'cwd' }
    expect(await failureOf({ cwd: '/no/such/folder' })).toMatchObject({ code: 'CONNECT_FAILED', details })
  })

  test('names option "cwd" for a file', async () => {
    await using folder = await newFolder()
    const path = join(folder.path, 'file')
    await writeFile(path, '')
    const details = { option: 'cwd' }
    expect(await failureOf({ cwd: path })).toMatchObject({ code: 'CONNECT_FAILED', details })
  })

  // Root can enter any folder.
  test.skipIf(process.getuid?.() === 0)('hints at option "cwd" for a folder without permission', async () => {
    await using folder = await newFolder()
    await chmod(folder.path, 0o000)
    const details = { hint: expect.stringContaining('"cwd"') }
    expect(await failureOf({ cwd: folder.path })).toMatchObject({ code: 'CONNECT_FAILED', details })
    await chmod(folder.path, 0o700)
  })

  test('names option "args" for arguments and variables over the limit of the system', async () => {
    const env = { BIG: 'x'.repeat(4_000_000) }
    expect(await failureOf({ env })).toMatchObject({ code: 'CONNECT_FAILED', details: { option: 'args' } })
  })
})

describe('a program that cannot be run', () => {
  /** Writes files with their modes into a folder, and returns the error of a child there. */
  async function errorOf(
    name: string,
    files: Readonly<Record<string, readonly [text: string, mode: number]>>,
  ): Promise<{ start: unknown; check: unknown }> {
    await using folder = await newFolder()
    for (const [file, [text, mode]] of Object.entries(files))
      await writeFile(join(folder.path, file), text, { mode })
    const options = { command: name, cwd: folder.path, stderr: 'ignore' as const }
    const transport = stdioClient(options)
    const failure = await transport.start().catch((error: unknown) => error)
    return {
      start: failure ?? (await transport.closed),
      check: await checkCommand(options).catch((error: unknown) => error),
    }
  }

  test.each([
    ['has CR LF in its first line', './s', { s: ['#!/bin/sh\r\nexit 0\r\n', 0o755] }, /first line .* CR LF/],
    ['has CR LF after env', './s', { s: ['#!/usr/bin/env node\r\n', 0o755] }, /first line .* CR LF/],
    [
      'has no interpreter',
      './s',
      { s: ['#!/no/such/interpreter -x\n', 0o755] },
      /names \/no\/such\/interpreter/,
    ],
    [
      'has no interpreter in PATH',
      './s',
      { s: ['#!/usr/bin/env no-such-node\n', 0o755] },
      /names no-such-node/,
    ],
    [
      'has options of env',
      './s',
      { s: ['#!/usr/bin/env -S A=1 no-such-node --x\n', 0o755] },
      /names no-such-node/,
    ],
    ['is not executable', './s', { s: ['#!/bin/sh\n', 0o644] }, /not executable.*chmod \+x .*\/s/],
    ['is a folder', '.', {}, /is a directory/],
    [
      'is in the folder, but not in PATH',
      'local-tool',
      { 'local-tool': ['', 0o755] },
      /not found in PATH.*write \.\/local-tool/,
    ],
    ['does not exist', './missing', {}, /not found.*relative to/],
    ['does not exist at all', '/no/such/program', {}, /not found.*check the path/],
    ['has its arguments in its name', 'node server.js', {}, /contains a space.*option "args"/],
  ] as const)('is explained if it %s', async (_, name, files, message) => {
    const { start, check } = await errorOf(name, files)
    expect(start).toMatchObject({ message: expect.stringMatching(message) })
    expect(check).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(message),
      details: { option: 'command' },
    })
  })

  test.each([
    ['a name in PATH', 'sh', {}],
    ['a script', './s', { s: ['#!/bin/sh\n', 0o755] }],
    ['a script of env', './s', { s: ['#!/usr/bin/env -S A=1 sh -e\n', 0o755] }],
    ['a file without an interpreter', './s', { s: ['exit 0\n', 0o755] }],
  ] as const)('is not %s', async (_, name, files) => {
    await using folder = await newFolder()
    for (const [file, [text, mode]] of Object.entries<readonly [string, number]>(files))
      await writeFile(join(folder.path, file), text, { mode })
    await expect(checkCommand({ command: name, cwd: folder.path })).resolves.toBeUndefined()
  })

  test('is reported by checkCommand() for a missing folder and a file in place of it', async () => {
    for (const cwd of ['/no/such/folder', '/etc/passwd']) {
      await expect(checkCommand({ command: 'sh', cwd })).rejects.toMatchObject({ details: { option: 'cwd' } })
    }
    await expect(checkCommand({ command: '' })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })
})
