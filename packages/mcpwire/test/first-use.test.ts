import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { peer, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { suggestedUrls } from '../src/url-suggestions.js'
import { result, serverCommand } from './support/bin.js'
import { folder, listening } from './support/listening.js'

// The output for the first mistakes of a user. Each case runs the built program.

vi.setConfig({ testTimeout: 60_000 })

const raw = serverCommand('raw-server')

/** A file in a new folder. */
function file(name: string, text: string, mode = 0o755): string {
  const path = join(folder(), name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

describe('a command that cannot be started', () => {
  const cases: readonly (readonly [string, () => readonly string[], RegExp])[] = [
    ['does not exist', () => ['nosuchcmd'], /\(nosuchcmd\) was not found in PATH; check the name/],
    [
      'does not exist at its path',
      () => ['./nosuch'],
      /\(\.\/nosuch\) was not found; the path is relative to/,
    ],
    ['is not executable', () => [file('s.sh', '#!/bin/sh\n', 0o644)], /is not executable; run chmod \+x/],
    ['is a folder', () => [folder()], /is a directory/],
    ['has no interpreter', () => [file('s', '#!/no/such\n')], /names \/no\/such; install the interpreter/],
    [
      'has CR LF in its first line',
      () => [file('s', '#!/bin/sh\r\n')],
      /first line .* CR LF; save the script with/,
    ],
  ]

  test.each(cases)('ends a listening bridge at once if it %s', async (_, command, message) => {
    const { code, text } = await result(['bridge', '--listen', 'tcp://127.0.0.1:0', '--', ...command()])
    expect(code).toBe(1)
    expect(text).toMatch(/^\s*mcpwire bridge: CONNECT_FAILED: cannot start stdio:/m)
    expect(text).toMatch(message)
    expect(text).not.toContain('listening on')
  })

  test.each(cases)('is explained by probe if it %s', async (_, command, message) => {
    const { code, text } = await result(['probe', '--', ...command()])
    expect(code).toBe(1)
    expect(text).toMatch(message)
  })

  test('because its folder is missing ends a listening bridge at once', async () => {
    const { code, text } = await result([
      'bridge',
      '--listen',
      'tcp://127.0.0.1:0',
      '--cwd',
      '/nowhere',
      '--',
      'node',
    ])
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining('--cwd (/nowhere)') })
  })

  test.each(['tcp://127.0.0.1:0', 'ws://127.0.0.1:0/mcp', 'http://127.0.0.1:0/mcp'])(
    'later is reported to the log and to the client of %s',
    async (url) => {
      const script = file('server', '#!/bin/sh\n')
      const { addresses, logged } = await listening([url], [], [script])
      chmodSync(script, 0o644)
      const { text } = await result(['probe', addresses[0] ?? ''])
      expect(text).toContain('the upstream server could not be started or reached')
      expect(text).not.toContain(script)
      await vi.waitFor(() => expect(logged().join('\n')).toMatch(/CONNECT_FAILED: .*is not executable/))
    },
  )
})

describe('the environment of a server', () => {
  const needsKey = [
    'sh',
    '-c',
    'test -n "$API_KEY" && exec "$@"; echo "API_KEY missing" >&2; exit 1',
    'sh',
    ...raw,
  ]

  test.each([
    ['copies a variable', () => ['--env', 'API_KEY'], { API_KEY: 'top secret' }],
    ['sets a variable', () => ['--env', 'API_KEY=x'], {}],
    ['reads a file', () => ['--env-file', file('env', '# comment\n\nexport API_KEY="x y"\n')], {}],
    ['reads a file of Windows', () => ['--env-file', file('env', '\uFEFFAPI_KEY=x\r\nB=1\r\n')], {}],
    ['overrides a file', () => ['--env', 'API_KEY=x', '--env-file', file('env', 'API_KEY=')], {}],
    ['reads a value of two lines', () => ['--env-file', file('env', 'API_KEY="a\nb"\n')], {}],
  ])('gets a variable by an option that %s', async (_, options, environment) => {
    const { code, text } = await result(
      ['probe', '--count', '1', ...options(), '--', ...needsKey],
      environment,
    )
    expect(code).toBe(0)
    expect(text).not.toContain('top secret')
  })

  test.each([
    ['is set here', { API_KEY: 'top secret' }, /API_KEY missing; pass --env API_KEY: it is set here/],
    ['is set nowhere', {}, /API_KEY missing; if it needs an environment variable, pass --env NAME/],
  ])('has a hint for a missing variable that %s', async (_, environment, message) => {
    for (const command of [['probe'], ['bridge', '--drain-ms', '1']]) {
      const { code, text } = await result([...command, '--', ...needsKey], environment)
      expect(code).toBe(1)
      expect(text).toMatch(message)
      expect(text).not.toContain('top secret')
    }
  })

  test.each([
    [
      ['--env', 'NOT_SET_HERE'],
      /NOT_SET_HERE: the variable is not set here; set it, or pass --env NOT_SET_HERE=VALUE/,
    ],
    [['--env', '=top secret'], /--env must be NAME=VALUE, or NAME/],
    [['--env', 'top secret'], /--env must be NAME=VALUE, or NAME/],
  ])('refuses %j', async (options, message) => {
    const { code, text } = await result(['probe', ...options, '--', 'node'])
    expect(code).toBe(2)
    expect(text).toMatch(message)
    expect(text).not.toContain('top secret')
  })

  test('refuses a file that cannot be read', async () => {
    const { code, text } = await result(['probe', '--env-file', '/no/such/file', '--', 'node'])
    // Node 20 itself also reads a file of that option, and exits with code 9.
    expect([2, 9]).toContain(code)
    expect(text).toContain('/no/such/file')
  })

  test('refuses a line of a file without a value, and does not print it', async () => {
    const { code, text } = await result([
      'probe',
      '--env-file',
      file('env', 'A=1\ntop secret\n'),
      '--',
      'node',
    ])
    expect({ code, text }).toMatchObject({
      code: 2,
      text: expect.stringMatching(/line 2 must be NAME=VALUE/),
    })
    expect(text).not.toContain('top secret')
  })
})

describe('probe', () => {
  test.each([
    ['cat', ['cat']],
    ['tee', ['tee', '/dev/null']],
    ['a shell', ['sh', '-c', 'while read -r line; do printf "%s\\n" "$line"; done']],
  ])('reports that %s echoes its input', async (_, server) => {
    const { code, text } = await result(['probe', '--', ...server])
    expect(code).toBe(1)
    expect(text).toMatch(/stdio:\w+ is not an MCP server: it echoes its input/)
    expect(text).not.toContain('-32601')
  })

  test('shows the error of npm once, and not its last line', async () => {
    const lines = [
      'npm error code E404',
      'npm error 404 Not Found - GET https://r/x',
      'npm error A complete log of this run',
    ]
    const script = `${lines.map((line) => `echo "${line}" >&2`).join('; ')}; exit 1`
    const { code, text } = await result(['probe', '--', 'sh', '-c', script])
    expect(code).toBe(1)
    expect(text).toMatch(
      /exited with code 1: npm error code E404 \| npm error 404 Not Found .*check the name of the package/,
    )
    expect(text.match(/E404/g)).toHaveLength(1)
  })

  test('shows the standard error of a server once, although it starts it twice', async () => {
    const { code, stderr } = await result([
      'probe',
      '--',
      'sh',
      '-c',
      'echo loading >&2; echo "no config" >&2; exit 1',
    ])
    expect(code).toBe(1)
    expect(stderr).toBe('')
  })

  test('shows the text of a banner, without control characters', async () => {
    const { text } = await result([
      'probe',
      '--',
      'sh',
      '-c',
      'printf "Welcome \\033[31mto x\\n"; exec "$@"',
      'sh',
      ...raw,
    ])
    expect(text).toMatch(
      /stdio:sh: not a JSON-RPC message: "Welcome .*to x"; .* must write such lines to standard error/,
    )
    expect(text).not.toContain('\u001b')
  })

  test('reports a hang while it waits', async () => {
    const { text } = await result(['probe', '--timeout-ms', '3500', '--', 'sh', '-c', 'exec sleep 600'])
    expect(text).toMatch(/stdio:sh has not responded to server\/discover for 3 s; --timeout-ms is 3500/)
  })

  test.each([
    ['/mcp', 404],
    ['/mcp', 405],
    ['/', 404],
    ['/other/mcp', 405],
  ])('names the path of HTTP+SSE if %s responds with status %i', async (path, status) => {
    const server = createServer((_, response) => response.writeHead(status).end()).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const { code, text } = await result(['probe', `http://127.0.0.1:${port}${path}`])
    expect(code).toBe(1)
    expect(text).toContain(`http://127.0.0.1:${port}/sse`)
  })

  test.each([
    ['a command', raw, 'standard input and output'],
    ['tcp', ['tcp://127.0.0.1:0'], 'TCP'],
    ['http', ['http://127.0.0.1:0/mcp'], 'Streamable HTTP'],
    ['ws', ['ws://127.0.0.1:0/mcp'], 'WebSocket'],
  ])('names the transport of %s', async (_, target, name) => {
    const isUrl = target[0]?.includes('://') ?? false
    const address = isUrl ? (await listening(target)).addresses : ['--', ...target]
    const { code, text } = await result(['probe', '--count', '1', ...address])
    expect(code).toBe(0)
    expect(text).toMatch(new RegExp(`transport ${name.replace('+', '\\+')} `))
  })

  test('names HTTP+SSE, and reports no error of the transport that the server lacks', async () => {
    const initialize = () => ({
      protocolVersion: '2024-11-05',
      capabilities: {},
      serverInfo: { name: 's', version: '1' },
    })
    const listener = await serve(
      httpServer({ port: 0, httpSse: { path: '/sse', messagesPath: '/messages' } }),
      (transport) => peer(transport, { requests: { initialize, ping: () => ({}) } }).start(),
    )
    onTestFinished(() => listener.close())
    const { code, text, stderr } = await result([
      'probe',
      '--count',
      '1',
      listener.url.replace(/\/mcp$/, '/sse'),
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(text).toContain('transport HTTP+SSE (2024-11-05)')
  })

  test.each([
    [undefined, /authentication required: pass --header "Authorization: Bearer …"/],
    [
      'Authorization: Bearer wrong',
      /the credential in --header was rejected: check that the token is correct/,
    ],
  ])('explains status 401 with the header %s', async (header, message) => {
    const server = createServer((_, response) => response.writeHead(401).end()).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const options = header === undefined ? [] : ['--header', header]
    const { code, text } = await result(['probe', `http://127.0.0.1:${port}/mcp`, ...options])
    expect(code).toBe(1)
    expect(text).toMatch(message)
  })
})

describe('a text that is no URL', () => {
  test.each([
    ['127.0.0.1:4001/mcp', 'did you mean http://127.0.0.1:4001/mcp?'],
    ['4301', 'did you mean http://127.0.0.1:4301/mcp or tcp://127.0.0.1:4301?'],
    ['localhost:4301', 'did you mean http://localhost:4301/mcp or tcp://localhost:4301?'],
    ['tools.example/mcp', 'did you mean https://tools.example/mcp?'],
    ['//tools.example/mcp', 'did you mean http://tools.example/mcp?'],
    ['https//tools.example/mcp', 'did you mean https://tools.example/mcp?'],
    ['/run/x.sock', 'did you mean unix:/run/x.sock?'],
    ['python server.py', 'missing "--" before the command: -- python server.py'],
    ['node', 'missing "--" before the command: -- node'],
  ])('(%s) is explained', async (target, message) => {
    const { code, text } = await result(['probe', target])
    expect({ code, text }).toMatchObject({ code: 2, text: expect.stringContaining(message) })
  })

  test.each(['python server.py', 'npx -y pkg --token secret', ' node  x.js '])(
    '(%s) is explained as a quoted command',
    async (command) => {
      const { code, text } = await result(['bridge', '--', command])
      expect({ code, text }).toMatchObject({
        code: 2,
        text: expect.stringContaining('without quotes around it'),
      })
      expect(text).not.toContain('secret')
    },
  )

  test.each([
    ['4301', 'did you mean http://127.0.0.1:4301/mcp or tcp://127.0.0.1:4301?'],
    [':4301/mcp', 'did you mean http://127.0.0.1:4301/mcp?'],
    ['localhost:4301', 'did you mean http://localhost:4301/mcp or tcp://localhost:4301?'],
    ['[::1]:4301', 'did you mean http://[::1]:4301/mcp or tcp://[::1]:4301?'],
    ['/run/x', 'did you mean unix:/run/x?'],
    ['nonsense', 'known: tcp:, tcps:, unix:, ws:, wss:, http:, https:'],
  ])('(--listen %s) is explained', async (url, message) => {
    const { code, text } = await result(['bridge', '--listen', url, '--', 'node'])
    expect({ code, text }).toMatchObject({ code: 2, text: expect.stringContaining(message) })
  })

  test('is not taken for a URL if it is a command or a number that is no port', () => {
    for (const text of ['node', 'server.js', './server', '70000', 'a b', 'C:\\x.exe', ''])
      expect(suggestedUrls(text, 'endpoint')).toEqual([])
  })
})

describe('--listen', () => {
  test.each([
    ['tcp://127.0.0.1:4000', 'http://127.0.0.1:4000/mcp'],
    ['http://127.0.0.1:4000/mcp', 'https://127.0.0.1:4000/mcp'],
    ['tcp://127.0.0.1:4000', 'tcp://127.0.0.1:4000'],
    ['http://127.0.0.1:4000/mcp', 'http://127.0.0.1:4000/mcp'],
  ])('refuses %s and %s in one bridge', async (first, second) => {
    const tls = second.startsWith('https')
      ? ['--listen-cert', 'package.json', '--listen-key', 'package.json']
      : []
    const { code, text } = await result([
      'bridge',
      '--listen',
      first,
      '--listen',
      second,
      ...tls,
      '--',
      'node',
    ])
    expect({ code, text }).toMatchObject({ code: 2, text: expect.stringContaining('use the same port') })
  })

  test('explains how to admit clients on other hosts', async () => {
    const { code, text } = await result(['bridge', '--listen', 'http://0.0.0.0:0/mcp', '--', 'node'])
    expect(code).toBe(2)
    expect(text).toMatch(/could connect without authentication.* --api-key-file.* --allow-anonymous admits/)
    expect(text).toMatch(/--listen-ca/)
  })
})
