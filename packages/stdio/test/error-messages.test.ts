import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@mcpwire/compliance'
import { newFolder } from '@mcpwire/test-support/folders'
import { expect, test } from 'vitest'
import { type StdioClientOptions, stdioClient, stdioServer } from '../src/index.js'
import { note, outcomesOf, record, request } from './support/messages.js'
import { TIMEOUT_MS } from './support/processes.js'
import { script } from './support/programs.js'

/** The only test of this package that pins whole messages. Paths vary and are replaced. */
const masked = (error: unknown, ...paths: readonly string[]): string =>
  [process.execPath, ...paths].reduce((text, path) => text.replaceAll(path, '<path>'), String(error))

function thrownBy(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return masked(error)
  }
  return 'nothing'
}

test('messages of options', () => {
  expect(
    [
      () => stdioClient({ command: 'a\0b' }),
      () => stdioClient({ command: 'a', args: [1] as never }),
      () => stdioClient({ command: 'a', env: 'A=1' as never }),
      () => stdioClient({ command: 'a', env: { 'A=B': '1' } }),
      () => stdioClient({ command: 'a', env: { A: 1 as never } }),
      () => stdioServer({ stdin: {} as never }),
      () => stdioServer({ stdout: {} as never }),
    ].map(thrownBy),
  ).toMatchInlineSnapshot(`
    [
      "TransportError: option "command" must be a string without NUL; received "a\\u0000b"",
      "TransportError: option "args" must be an array of strings without NUL",
      "TransportError: option "env" must be an object of strings",
      "TransportError: option "env" must be an object with names that are not empty and have no "="; received "A"",
      "TransportError: option "env.A" must be a string without NUL, or undefined",
      "TransportError: option "stdin" must be a readable stream; received an object",
      "TransportError: option "stdout" must be a writable stream; received an object",
    ]
  `)
})

test('messages of starting a child', async () => {
  await using folder = await newFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')
  const given: Partial<StdioClientOptions>[] = [
    { command: 'no-such-program' },
    { command: file },
    { cwd: '/no/such/folder' },
    { cwd: file },
    { env: { BIG: 'x'.repeat(4_000_000) } },
  ]
  const failures = given.map((options) =>
    stdioClient({ command: 'cat', stderr: 'ignore', ...options })
      .start()
      .catch((error: unknown) => masked(error, file)),
  )
  expect(await Promise.all(failures)).toMatchInlineSnapshot(`
    [
      "TransportError: cannot start stdio:no-such-program: option "command" (no-such-program) was not found in PATH; check the name, install the program, or pass its path",
      "TransportError: cannot start stdio:<path>: option "command" (<path>) is not executable; run chmod +x <path>, or start it with its interpreter",
      "TransportError: cannot start stdio:cat: option "cwd" (/no/such/folder) cannot be entered: ENOENT: no such file or directory, stat '/no/such/folder'",
      "TransportError: cannot start stdio:cat: option "cwd" (<path>) is not a directory",
      "TransportError: cannot start stdio:cat: option "args" and option "env" together exceed the system limit",
    ]
  `)
})

test('messages of the exit of a child', async () => {
  const reasons = [
    'process.exit(3)',
    'console.error("Error: no config\\n    at a.js"); process.exitCode = 4',
    'process.kill(process.pid, "SIGKILL")',
  ].map(async (code) => {
    const transport = stdioClient({ ...script(code), stderr: 'ignore' })
    await transport.start()
    return masked(await transport.closed)
  })
  expect(await Promise.all(reasons)).toMatchInlineSnapshot(`
    [
      "TransportError: stdio:<path> exited with code 3; if it needs an environment variable, pass it in option "env": only safe ones are inherited",
      "TransportError: stdio:<path> exited with code 4: Error: no config",
      "TransportError: stdio:<path> was ended by SIGKILL",
    ]
  `)
})

test('messages of stray output', async () => {
  const code = `for (let n = 0; n < 12; n++) console.log('a banner'); process.stdin.resume()`
  const transport = stdioClient({ ...script(code), stderr: 'ignore' })
  const { errors } = record(transport)
  await transport.start()
  await until(() => errors.length === 10, 'ten errors', TIMEOUT_MS)
  await transport.close()
  expect([masked(errors[0]), masked(errors[9])]).toMatchInlineSnapshot(`
    [
      "TransportError: skipped a line on the standard output of stdio:<path>: not a JSON-RPC message: "a banner"; the server works, but other clients may fail: it must write such lines to standard error",
      "TransportError: skipped a line on the standard output of stdio:<path>: not a JSON-RPC message: "a banner"; further lines are not reported: pass option "onStrayOutput" to receive all of them",
    ]
  `)
})

test('the message of a full queue during a restart', async () => {
  const transport = stdioClient({
    ...script(`process.stdin.once('data', () => process.exit(5))`),
    stderr: 'ignore',
  })
  let rejected: unknown
  transport.onerror = () => {
    const sends = Array.from({ length: 65 }, (_, n) => transport.send(note(n)))
    sends.at(-1)?.catch((error: unknown) => {
      rejected ??= error
    })
    void outcomesOf(sends)
  }
  await transport.start()
  await transport.send(request('probe', 'server/discover'))
  await until(() => rejected !== undefined, 'a rejected send', TIMEOUT_MS)
  await transport.close()
  expect(masked(rejected)).toMatchInlineSnapshot(
    `"TransportError: cannot send to stdio:<path> during its restart: 64 messages are queued"`,
  )
})
