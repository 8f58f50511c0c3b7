import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@mcpwire/compliance'
import { isTransportError } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { type StdioClientOptions, stdioClient, stdioServer } from '../src/index.js'
import { temporaryFolder } from './support/folder.js'
import { hearing, note } from './support/messages.js'
import { osPipe } from './support/os-pipe.js'
import { PATIENCE_MS } from './support/processes.js'
import { script } from './support/programs.js'

const MAX_MESSAGE_BYTES = 2_048

interface Piece {
  readonly name: string
  readonly bytes: Buffer
  readonly code: string
  /** What the text of the error names. */
  readonly says: string
}

const long = JSON.stringify(note(0, { text: 'x'.repeat(MAX_MESSAGE_BYTES) }))
const pieces: readonly Piece[] = [
  {
    name: 'a line that is too long',
    bytes: Buffer.from(long),
    code: 'MESSAGE_TOO_LARGE',
    says: 'maxMessageBytes',
  },
  {
    name: 'invalid UTF-8',
    bytes: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]),
    code: 'MALFORMED_MESSAGE',
    says: '',
  },
  {
    name: 'what is not JSON',
    bytes: Buffer.from('npm warn deprecated'),
    code: 'MALFORMED_MESSAGE',
    says: '',
  },
  {
    name: 'JSON that is no JSON-RPC',
    bytes: Buffer.from('{"level":"info"}'),
    code: 'MALFORMED_MESSAGE',
    says: '',
  },
  { name: 'a JSON number', bytes: Buffer.from('42'), code: 'MALFORMED_MESSAGE', says: '' },
]

describe.each(pieces)('$name between two messages', ({ bytes, code, says }) => {
  const input = Buffer.concat([
    Buffer.from(`${JSON.stringify(note(1))}\n`),
    bytes,
    Buffer.from(`\n\r\n\ufeff${JSON.stringify(note(2))}\r\n`),
  ])

  function expectOne(errors: readonly Error[]): void {
    expect(errors.map((error) => isTransportError(error) && error.code)).toEqual([code])
    expect(errors[0]?.message).toContain(says)
  }

  test('from a child is reported, and nothing around it is lost [GEN-01, GEN-02]', async () => {
    const write = `process.stdout.write(Buffer.from('${input.toString('base64')}', 'base64')); process.stdin.resume()`
    const transport = stdioClient({ ...script(write), maxMessageBytes: MAX_MESSAGE_BYTES })
    const heard = hearing(transport)
    await transport.start()
    await until(() => heard.messages.length === 2, 'both messages arrived', PATIENCE_MS)
    expect(heard.messages).toEqual([note(1), note(2)])
    expectOne(heard.errors)
    await transport.close()
  })

  test('from a host is reported, and nothing around it is lost', async () => {
    await using folder = await temporaryFolder()
    const [input2, output] = [osPipe(folder.path, 'in'), osPipe(folder.path, 'out')]
    const transport = stdioServer({
      stdin: input2.readable,
      stdout: output.writable,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    })
    const heard = hearing(transport)
    await transport.start()
    input2.writable.write(input)
    await until(() => heard.messages.length === 2, 'both messages arrived', PATIENCE_MS)
    expect(heard.messages).toEqual([note(1), note(2)])
    expectOne(heard.errors)
    input2.writable.end()
    await transport.closed
    output.readable.destroy()
  })
})

test('a line that is too long goes to onStrayOutput where it is no JSON', async () => {
  const noise: string[] = []
  const write = `console.log('x'.repeat(5_000)); console.log('${JSON.stringify(note(1))}'); process.stdin.resume()`
  const transport = stdioClient({
    ...script(write),
    maxMessageBytes: MAX_MESSAGE_BYTES,
    onStrayOutput: (text) => noise.push(text),
  })
  const heard = hearing(transport)
  await transport.start()
  await until(() => heard.messages.length === 1, 'the message arrived', PATIENCE_MS)
  expect(noise).toEqual(['x'.repeat(64)])
  expect(heard.errors).toEqual([])
  await transport.close()
})

describe('a child that cannot be started is refused with CONNECT_FAILED, naming the option', () => {
  async function failureOf(options: Partial<StdioClientOptions>): Promise<unknown> {
    const transport = stdioClient({ command: 'cat', stderr: 'ignore', ...options })
    const heard = hearing(transport)
    const failure = await transport.start().catch((error: unknown) => error)
    expect(heard.closes).toBe(1)
    expect(await transport.closed).toBe(failure)
    expect(transport.pid).toBeNull()
    return failure
  }

  test('when there is no such command', async () => {
    expect(await failureOf({ command: 'no-such-program' })).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/option "command" \(no-such-program\) was not found/),
      details: { address: 'stdio:no-such-program' },
      cause: { code: 'ENOENT' },
    })
  })

  test('when the command is no program', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'text')
    await writeFile(path, 'text')
    const message = expect.stringContaining(`option "command" (${path})`)
    expect(await failureOf({ command: path })).toMatchObject({ code: 'CONNECT_FAILED', message })
  })

  test('when the folder is not there', async () => {
    const message = expect.stringMatching(/option "cwd" \(\/no\/such\/folder\) cannot be entered/)
    expect(await failureOf({ cwd: '/no/such/folder' })).toMatchObject({ code: 'CONNECT_FAILED', message })
  })

  test('when the folder is a file', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'file')
    await writeFile(path, '')
    const message = expect.stringContaining(`option "cwd" (${path}) is not a directory`)
    expect(await failureOf({ cwd: path })).toMatchObject({ code: 'CONNECT_FAILED', message })
  })

  // The superuser may enter any folder.
  test.skipIf(process.getuid?.() === 0)('when the folder may not be entered', async () => {
    await using folder = await temporaryFolder()
    await chmod(folder.path, 0o000)
    const message = expect.stringContaining('"cwd"')
    expect(await failureOf({ cwd: folder.path })).toMatchObject({ code: 'CONNECT_FAILED', message })
    await chmod(folder.path, 0o700)
  })

  test('when there is more in args and env than the system takes', async () => {
    const env = { BIG: 'x'.repeat(4_000_000) }
    expect(await failureOf({ env })).toMatchObject({ code: 'CONNECT_FAILED', details: { option: 'args' } })
  })
})

test('a child that is dead on arrival ends the conversation with what it said', async () => {
  const transport = stdioClient({
    ...script('console.error("license expired"); process.exit(2)'),
    stderr: 'ignore',
  })
  const heard = hearing(transport)
  await transport.start()
  const reason = await transport.closed
  expect(reason).toMatchObject({
    code: 'PROCESS_EXITED',
    message: `stdio:${process.execPath} exited with code 2: license expired`,
    details: { exitCode: 2, signal: null, stderrTail: 'license expired\n' },
  })
  expect(heard).toMatchObject({ messages: [], closes: 1, errors: [reason] })
})
