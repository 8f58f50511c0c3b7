import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { main } from '../src/main.js'
import { program, run } from './support/bin.js'

vi.setConfig({ testTimeout: 20_000 })

afterEach(() => {
  vi.restoreAllMocks()
})

/** Runs a command line that starts nothing, in this process. */
async function said(argv: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const heard = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      heard[name] += chunk
      return true
    })
  }
  const exitCode = await main(argv)
  vi.restoreAllMocks()
  return { exitCode, ...heard }
}

const bridgeUsage = 'usage: mcpwire bridge [options] (<url> | -- <command> [argument...])'
const probeUsage = 'usage: mcpwire probe [options] (<url> | -- <command> [argument...])'
const usage = 'usage: mcpwire <command> [options]'

describe('a command line that makes no sense', () => {
  test.each([
    [[], 'missing a command', usage],
    [['brigde'], "unknown command 'brigde' (Did you mean bridge?)", usage],
    [['help', 'brigde'], "unknown command 'brigde'", usage],
    [['--frob'], "unknown option '--frob'", usage],
    [['bridge'], 'missing the server: a URL, or "--" and the command that runs it', bridgeUsage],
    [['bridge', '--'], 'missing the command after "--"', bridgeUsage],
    [
      ['bridge', 'node', '--', 'server.js'],
      'either a URL or a command after "--", not both: node',
      bridgeUsage,
    ],
    [['bridge', 'node'], 'missing "--" before the command: -- node', bridgeUsage],
    [['bridge', 'node', 'server.js'], 'missing "--" before the command: -- node server.js', bridgeUsage],
    [['probe', 'node', 'server.js'], 'missing "--" before the command: -- node server.js', probeUsage],
    [['bridge', 'tcp://h:1', 'tcp://h:2'], 'one server at a time, not also: tcp://h:2', bridgeUsage],
    [
      ['bridge', 'tcp://h:1', 'x', '--', 'node'],
      'either a URL or a command after "--", not both: tcp://h:1 x',
      bridgeUsage,
    ],
    [['bridge', '--frob', '--', 'node'], "unknown option '--frob'", bridgeUsage],
    [
      ['bridge', '--verbos', '--', 'node'],
      "unknown option '--verbos' (Did you mean --verbose?)",
      bridgeUsage,
    ],
    [['bridge', '--cwd'], "option '--cwd <folder>' argument missing", bridgeUsage],
    [['bridge', '--env', 'NAME', '--', 'node'], /'NAME' is invalid. Needed is NAME=VALUE./, bridgeUsage],
    [['bridge', '--env', '=x', '--', 'node'], /Needed is NAME=VALUE./, bridgeUsage],
    [['bridge', '--inherit', 'some', '--', 'node'], /Allowed choices are safe, all, none./, bridgeUsage],
    [['bridge', '--max-message-bytes', 'many', '--', 'node'], /whole number/, bridgeUsage],
    [
      ['bridge', '--max-message-bytes', '1', '--', 'node'],
      /^option --max-message-bytes must be/,
      bridgeUsage,
    ],
    [['bridge', '--close-timeout-ms', '-1', '--', 'node'], /whole number of at least 0/, bridgeUsage],
    [
      ['bridge', 'foo://localhost:7000'],
      /^unknown scheme "foo:"; known: stdio:, tcp:, tcps:, unix:.* \(stdio: takes a command instead of a URL\)$/,
      bridgeUsage,
    ],
    [['bridge', 'tcp://localhost'], /^the URL must be tcp:\/\/host:port or tcps:\/\/host:port/, bridgeUsage],
    [['bridge', 'tcp://localhost:0'], /^the URL must be tcp:\/\/host:port/, bridgeUsage],
    ...['http', 'ws'].map((scheme): [string[], string, string] => [
      ['probe', `${scheme}://user:secret@h/`],
      'the URL must be a URL without user and password; see --header',
      probeUsage,
    ]),
    [['bridge', 'unix:'], /^the URL must be unix:\/path/, bridgeUsage],
    [
      ['bridge', `unix:/${'x'.repeat(200)}`],
      /^the path in the URL must be at most \d+ bytes long/,
      bridgeUsage,
    ],
    [['bridge', '--', ''], /^the command must be a string that is not empty/, bridgeUsage],
    [['bridge', '--cwd', '/', 'tcp://localhost:1'], '--cwd is for a server that a command runs', bridgeUsage],
    [['bridge', '--env', 'A=1', 'unix:/x'], '--env is for a server that a command runs', bridgeUsage],
    [['probe', '--inherit', 'all', 'unix:/x'], '--inherit is for a server that a command runs', probeUsage],
    [
      ['bridge', '--tls-ca', '/x', '--', 'node'],
      '--tls-ca is for a server at a URL of tcps://, wss:// or https://',
      bridgeUsage,
    ],
    [
      ['bridge', '--tls-cert', '/x', 'unix:/x'],
      '--tls-cert is for a server at a URL of tcps://, wss:// or https://',
      bridgeUsage,
    ],
    [
      ['bridge', '--tls-key', '/x', 'tcp://h:1'],
      '--tls-key is for a server at a URL of tcps://, wss:// or https://',
      bridgeUsage,
    ],
    [
      ['probe', '--tls-server-name', 'x', 'tcp://h:1'],
      '--tls-server-name is for a server at a URL of tcps://, wss:// or https://',
      probeUsage,
    ],
    [
      ['probe', '--tls-ca', '/x', 'tcps://h:1'],
      /^option --tls-ca must be a file that can be read: ENOENT/,
      probeUsage,
    ],
    [
      ['bridge', '--tls-cert', 'package.json', 'tcps://h:1'],
      'option --tls-key must be given together with --tls-cert (package.json)',
      bridgeUsage,
    ],
    ...[
      ['--max-connections', '100'],
      ['--drain-ms', '5000'],
      ['--allow-remote'],
      ['--allow-origin', 'https://app.example'],
      ['--listen-cert', '/x'],
      ['--listen-key', '/x'],
      ['--listen-ca', '/x'],
    ].map((flags): [string[], string, string] => [
      ['bridge', ...flags, '--', 'node'],
      `${flags[0]} needs --listen`,
      bridgeUsage,
    ]),
    ...[
      ['http://', 'http://'],
      ['wss://h:99999/mcp', 'wss://h:99999/mcp'],
      ['https://u:secret@h:x/mcp?key=secret', 'https://h:x/mcp'],
    ].map(([url = '', told = '']): [string[], string, string] => [
      ['bridge', url],
      `the URL must be ${told.replace(/\/\/.*/, '//host:port/path')}; received "${told}"`,
      bridgeUsage,
    ]),
    [
      ['bridge', '--listen', 'stdio:', '--', 'node'],
      /^--listen stdio:: nobody can listen on stdio:/,
      bridgeUsage,
    ],
    [
      ['bridge', '--listen', '7000', '--', 'node'],
      '--listen 7000: no URL: "7000"; known: tcp:, tcps:, unix:, ws:, wss:, http:, https:',
      bridgeUsage,
    ],
    [
      ['bridge', '--listen', 'tcp://h', '--', 'node'],
      /^--listen tcp:\/\/h: the URL must be tcp:/,
      bridgeUsage,
    ],
    [
      ['bridge', '--listen', 'tcp://0.0.0.0:0', '--', 'node'],
      '--listen tcp://0.0.0.0:0: callers on other hosts could connect; --allow-remote admits them',
      bridgeUsage,
    ],
    [
      ['bridge', '--listen', 'tcp://127.0.0.1:0', '--allow-origin', 'https://app.example', '--', 'node'],
      '--allow-origin needs --allow-remote: without it only pages of this host are admitted',
      bridgeUsage,
    ],
    ...['app.example', 'https://app.example/page', 'null'].map((origin): [string[], string, string] => [
      ['bridge', '--listen', 'tcp://127.0.0.1:0', '--allow-remote', '--allow-origin', origin, '--', 'node'],
      `--allow-origin ${origin} must be where a page is from, such as https://app.example`,
      bridgeUsage,
    ]),
    [
      ['bridge', '--listen', 'tcps://127.0.0.1:0', '--', 'node'],
      '--listen tcps://127.0.0.1:0: option --listen-cert must be given: a server shows a certificate',
      bridgeUsage,
    ],
    [
      ['bridge', '--listen', 'tcps://127.0.0.1:0', '--listen-key', 'package.json', '--', 'node'],
      '--listen tcps://127.0.0.1:0: option --listen-cert must be given together with --listen-key (package.json)',
      bridgeUsage,
    ],
    [
      ['bridge', '--listen', 'unix:/x', '--listen-ca', '/x', '--', 'node'],
      '--listen-ca needs a --listen at a URL of tcps://, wss:// or https:// that shows it',
      bridgeUsage,
    ],
    [
      ['bridge', '--listen', 'unix:/x', '--max-connections', '0', '--', 'node'],
      /whole number of at least 1/,
      bridgeUsage,
    ],
    [['bridge', '--listen', 'tcp://127.0.0.1:0', '--', ''], /^the command must be/, bridgeUsage],
    [['bridge', '--listen', 'tcp://127.0.0.1:0'], /^missing the server/, bridgeUsage],
    [['probe', '--listen', 'unix:/x', '--', 'node'], "unknown option '--listen'", probeUsage],
    [['probe', '--count', '0', '--', 'node'], /whole number from 1 to 1000000/, probeUsage],
    [['probe', '--count', '1.5', '--', 'node'], /whole number/, probeUsage],
    [['probe', '--count', '', '--', 'node'], /whole number/, probeUsage],
    [['probe', '--timeout-ms', 'soon', '--', 'node'], /whole number/, probeUsage],
    [['probe', '--verbose', '--', 'node'], "unknown option '--verbose'", probeUsage],
    [
      ['demo', '--', 'node'],
      'this command runs no server: nothing may follow "--"',
      'usage: mcpwire demo [options]',
    ],
  ])('%j: exit code 2, what is wrong and how it is used', async (argv, complaint, usageLine) => {
    const { exitCode, stdout, stderr } = await said(argv)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    const [first = '', second] = stderr.split('\n')
    expect(first).toMatch(/^mcpwire( (bridge|probe|demo))?: /)
    expect(first.replace(/^mcpwire( (bridge|probe|demo))?: /, '')).toEqual(
      typeof complaint === 'string' ? complaint : expect.stringMatching(complaint),
    )
    expect(second).toBe(usageLine)
  })

  test('ends the process with 2', async () => {
    const { exit, stderr, stdout } = run([...program, 'bridge', '--frob'])
    expect(await exit).toBe(2)
    expect(stderr()).toContain(bridgeUsage)
    expect(stdout()).toBe('')
  })
})

describe('help', () => {
  test('names every command', async () => {
    const { exitCode, stdout } = await said(['--help'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/bridge .*\n.*probe .*\n.*demo /)
  })

  test.each([
    [
      'bridge',
      [
        '--listen',
        '--tls-ca',
        '--cwd',
        '--env',
        '--inherit',
        '--max-message-bytes',
        '--close-timeout-ms',
        '--verbose',
      ],
    ],
    ['probe', ['--cwd', '--env', '--inherit', '--count', '--timeout-ms', '--json']],
    ['demo', ['npm install @modelcontextprotocol/client']],
  ])('of %s names its options, whichever way it is asked for', async (name, options) => {
    const { exitCode, stdout } = await said([name, '--help'])
    expect(exitCode).toBe(0)
    for (const option of options) expect(stdout).toContain(option)
    expect((await said(['help', name])).stdout).toBe(stdout)
  })

  test('what follows "--" is the server\'s', async () => {
    const { exit, stderr } = run([
      ...program,
      'bridge',
      '--',
      process.execPath,
      '--eval',
      'process.exit(process.argv.length)',
      '--',
      '--help',
    ])
    expect(await exit).toBe(1)
    expect(stderr()).toContain('exited with code 2')
  })
})

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(await said(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' })
})

test.each(['bridge', 'probe'])('the README names every option of %s with its default', async (name) => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const { stdout } = await said([name, '--help'])
  // A description may go on in the next line, where the default stands.
  const options = [...stdout.matchAll(/^ {2}(--[a-z-]+)((?:.*\n {6,})*.*)$/gm)]
  expect(options.length).toBeGreaterThan(4)
  for (const [, flag, text = ''] of options) {
    const row = new RegExp(`^\\|.*\`${flag}[ \`].*$`, 'm').exec(readme)?.[0] ?? ''
    expect(row).toContain(flag)
    const value = /\(default:\s+(\S+)\)/.exec(text)?.[1]
    const cells = row.split('|').map((cell) => cell.trim())
    if (value !== undefined) expect(cells[2]).toBe(value)
  }
})

test.each(['bridge', 'probe'])('the help of %s names the default of --inherit', async (name) => {
  expect((await said([name, '--help'])).stdout.replace(/\s+/g, ' ')).toMatch(
    /--inherit [^-]*\(default: safe\)/,
  )
})
