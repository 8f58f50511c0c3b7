import { newFolder } from '@mcpwire/test-support/folders'
import { describe, expect, it } from 'vitest'
import { stdioClient } from '../src/index.js'
import { request } from './support/messages.js'

const NODE_ERROR = `node:internal/modules/cjs/loader:1215
  throw err;
  ^

Error: Cannot find module '/app/server.js'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1212:15) {
  code: 'MODULE_NOT_FOUND',
  requireStack: []
}

Node.js v20.20.2`
const NPM_ERROR = `npm warn exec The following package was not found
npm error code E404
npm error 404 Not Found - GET https://registry.npmjs.org/no-such-package - Not found
npm error 404
npm error 404  The requested resource 'no-such-package@*' could not be found
npm error 404
npm error 404 Note that you can also install from a
npm error A complete log of this run can be found in: /root/.npm/_logs/x.log`
const TRACEBACK = `Traceback (most recent call last):
  File "/app/server.py", line 1, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'`

/** Why a child ends that writes this text to standard error. */
async function reasonOf(
  stderr: string,
  { code = 3, first = ':' } = {},
): Promise<Error & { details?: object }> {
  await using folder = await newFolder()
  const transport = stdioClient({
    command: 'sh',
    args: ['-c', `${first}; printf '%s\n' "$TEXT" >&2; exit ${code}`],
    cwd: folder.path,
    env: { TEXT: stderr },
    stderr: 'ignore',
  })
  await transport.start().catch(() => {})
  return (await transport.closed) as Error
}

describe('the reason of a child that exits', () => {
  it.each([
    ['a missing module of Node', NODE_ERROR, "Error: Cannot find module '/app/server.js'"],
    ['an exception of Python', TRACEBACK, "ModuleNotFoundError: No module named 'nothing'"],
    [
      'a panic of Rust',
      "starting\nthread 'main' panicked at src/main.rs:1:1:\nno configuration\nnote: run with `RUST_BACKTRACE=1`",
      "thread 'main' panicked at src/main.rs:1:1: | no configuration",
    ],
    ['a missing program of a shell', 'sh: 1: my-tool: not found', 'sh: 1: my-tool: not found'],
    ['an error before closing logs', 'Error: port in use\nbye', 'Error: port in use'],
    ['lines without an error', 'first\nsecond\nthird\nfourth', 'second | third | fourth'],
    ['Windows line ends', 'first\r\nlast\r\n', 'first | last'],
    ['a long line', 'x'.repeat(300), `${'x'.repeat(159)}…`],
  ])('has the lines that name the error: %s', async (_, stderr, lines) => {
    const reason = await reasonOf(stderr)
    const [text] = reason.message.split('; ')
    expect(text).toBe(`stdio:sh exited with code 3: ${lines}`)
    expect(reason).toMatchObject({ code: 'PROCESS_EXITED', details: { exitCode: 3 } })
  })

  it('has the cause that npm names first, and a hint', async () => {
    const reason = await reasonOf(NPM_ERROR)
    expect(reason.message).toContain('npm error code E404 | npm error 404 Not Found')
    expect(reason.message).not.toContain('complete log')
    expect(reason.details).toMatchObject({ hint: expect.stringContaining('name of the package') })
  })

  it.each([
    [
      'a variable that is set here',
      'error: MCPWIRE_WITHHELD missing',
      'pass MCPWIRE_WITHHELD in option "env"',
    ],
    ['a variable that is set nowhere', 'error: SOME_OTHER_KEY missing', 'pass it in option "env"'],
    ['an API key', 'an API key is required', 'pass it in option "env"'],
    ['nothing', '', 'pass it in option "env"'],
  ])('advises option "env" for a text about %s', async (_, stderr, hint) => {
    process.env['MCPWIRE_WITHHELD'] = 'a secret value'
    try {
      const reason = await reasonOf(stderr)
      expect(reason.details).toMatchObject({ option: 'env', hint: expect.stringContaining(hint) })
      expect(reason.message).not.toContain('a secret value')
    } finally {
      delete process.env['MCPWIRE_WITHHELD']
    }
  })

  it.each([
    ['an error that names no variable', NODE_ERROR, ':'],
    ['an exit after a message', 'API_KEY missing', `echo '${JSON.stringify(request(1, 'ping'))}'`],
  ])('advises nothing for %s', async (_, stderr, first) => {
    expect((await reasonOf(stderr, { first })).details).not.toHaveProperty('hint')
  })

  it('advises nothing for exit code 0', async () => {
    expect(await reasonOf('API_KEY missing', { code: 0 })).toBeUndefined()
  })

  it('names another way for a child that opens /dev/stdin', async () => {
    const transport = stdioClient({ command: 'sh', args: ['-c', 'cat < /dev/stdin'], stderr: 'ignore' })
    await transport.start().catch(() => {})
    const reason = await transport.closed
    expect(reason).toMatchObject({ details: { hint: expect.stringContaining('cat |') } })
  })
})

it.each(['initialize', 'server/discover'])('a child that echoes %s is no MCP server', async (method) => {
  const transport = stdioClient({ command: 'cat' })
  await transport.start()
  await transport.send(request(1, method))
  expect(await transport.closed).toMatchObject({
    code: 'CONNECT_FAILED',
    message: expect.stringContaining('echoes its input'),
  })
})

it.each(['ping', 'tools/list'])('a child may send %s with an id of this side', async (method) => {
  const transport = stdioClient({ command: 'cat' })
  const received = new Promise((resolve) => {
    transport.onmessage = resolve
  })
  await transport.start()
  await transport.send(request(1, method))
  expect(await received).toMatchObject({ id: 1, method })
  await transport.close()
})

it('a child in a pipeline of a shell can open /dev/stdin', async () => {
  const transport = stdioClient({ command: 'sh', args: ['-c', 'cat | cat /dev/stdin | cat'] })
  const received = new Promise((resolve) => {
    transport.onmessage = resolve
  })
  await transport.start()
  await transport.send(request(1, 'ping'))
  expect(await received).toMatchObject({ id: 1, method: 'ping' })
  await transport.close()
})
