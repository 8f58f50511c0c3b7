import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newFolder } from '@mcpwire/test-support/folders'
import { describe, expect, test } from 'vitest'
import { type StdioClientOptions, stdioClient } from '../src/index.js'
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
