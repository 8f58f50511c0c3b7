import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { program, run } from './support/bin.js'
import { outputOf } from './support/output.js'

const server = ['--', 'node']
const tcp = 'tcp://127.0.0.1:0'

/** Invalid arguments of each command, with a fragment of the first line of output. */
const invalid: Readonly<Record<string, readonly (readonly [readonly string[], string])[]>> = {
  '': [
    [[], 'missing a command'],
    [['brigde'], 'Did you mean bridge?'],
    [['help', 'brigde'], "unknown command 'brigde'"],
    [['--frob'], '--frob'],
  ],
  bridge: [
    [[], 'missing the server'],
    [['--'], 'missing the command after "--"'],
    [['node', '--', 'server.js'], 'not both: node'],
    [['node'], 'missing "--" before the command: -- node'],
    [['node', 'server.js'], 'missing "--" before the command: -- node server.js'],
    [['tcp://h:1', 'tcp://h:2'], 'remove tcp://h:2'],
    [['tcp://h:1', 'x', ...server], 'not both: tcp://h:1 x'],
    [['--frob', ...server], '--frob'],
    [['--verbos', ...server], 'Did you mean --verbose?'],
    [['--cwd'], '--cwd'],
    [['--env', 'NOT_SET_HERE', ...server], 'NOT_SET_HERE=VALUE'],
    [['--env', '=x', ...server], 'NAME=VALUE'],
    [['--inherit', 'some', ...server], '--inherit'],
    [['--max-message-bytes', 'many', ...server], 'whole number'],
    [['--max-message-bytes', '1', ...server], '--max-message-bytes must be'],
    [['--close-timeout-ms', '-1', ...server], 'whole number of at least 0'],
    [['foo://localhost:7000'], 'unknown scheme "foo:"; known: stdio:, tcp:'],
    [['tcp://localhost'], 'the URL must be tcp://host:port'],
    [['tcp://localhost:0'], 'the URL must be tcp://host:port'],
    [['unix:'], 'the URL must be unix:/path'],
    [[`unix:/${'x'.repeat(200)}`], 'the path in the URL must be'],
    [['--', ''], 'the command must be'],
    [['--cwd', '/', 'tcp://localhost:1'], '--cwd requires'],
    [['--env', 'A=1', 'unix:/x'], '--env requires'],
    [['--tls-ca', '/x', ...server], '--tls-ca requires'],
    [['--tls-cert', '/x', 'unix:/x'], '--tls-cert requires'],
    [['--tls-key', '/x', 'tcp://h:1'], '--tls-key requires'],
    [['--tls-cert', 'package.json', 'tcps://h:1'], '--tls-cert requires --tls-key'],
    [['--max-connections', '100', ...server], '--max-connections requires --listen'],
    [['--listen-cert', '/x', ...server], '--listen-cert requires --listen'],
    [['--listen-key', '/x', ...server], '--listen-key requires --listen'],
    [['--listen-ca', '/x', ...server], '--listen-ca requires --listen'],
    [['http://'], 'the URL must be http://host:port/path; received "http://"'],
    [['wss://h:99999/mcp'], 'received "wss://h:99999/mcp"'],
    [['https://u:secret@h:x/mcp?key=secret'], 'received "https://h:x/mcp"'],
    [['--listen', 'stdio:', ...server], '--listen stdio:: cannot listen on stdio:'],
    [['--listen', 'x', ...server], 'known: tcp:, tcps:, unix:, ws:, wss:, http:, https:'],
    [['--listen', 'tcp://h', ...server], '--listen tcp://h: the URL must be tcp:'],
    [['--listen', 'tcps://127.0.0.1:0', ...server], 'requires --listen-cert and --listen-key'],
    [
      ['--listen', 'tcps://127.0.0.1:0', '--listen-key', 'package.json', ...server],
      '--listen-key requires --listen-cert',
    ],
    [['--listen', 'unix:/x', '--listen-ca', '/x', ...server], '--listen-ca requires --listen with a tcps://'],
    [['--listen', 'unix:/x', '--max-connections', '0', ...server], 'whole number of at least 1'],
    [['--listen', tcp, '--', ''], 'the command must be'],
    [['--listen', tcp], 'missing the server'],
  ],
  probe: [
    [['node', 'server.js'], 'missing "--" before the command: -- node server.js'],
    [['http://user:secret@h/'], 'the URL must '],
    [['ws://user:secret@h/'], 'the URL must '],
    [['--inherit', 'all', 'unix:/x'], '--inherit requires'],
    [['--tls-server-name', 'x', 'tcp://h:1'], '--tls-server-name requires'],
    [['--tls-ca', '/x', 'tcps://h:1'], '--tls-ca'],
    [['--listen', 'unix:/x', ...server], '--listen'],
    [['--count', '0', ...server], 'whole number from 1 to 1000000'],
    [['--count', '1.5', ...server], 'whole number'],
    [['--count', '', ...server], 'whole number'],
    [['--timeout-ms', 'soon', ...server], 'whole number'],
    [['--verbose', ...server], '--verbose'],
  ],
  demo: [[server, 'this command runs no server']],
}

const usageLines: Readonly<Record<string, string>> = {
  '': 'usage: mcpwire <command> [options]',
  bridge: 'usage: mcpwire bridge [options] (<url> | -- <command> [argument...])',
  probe: 'usage: mcpwire probe [options] (<url> | -- <command> [argument...])',
  demo: 'usage: mcpwire demo [options]',
}

describe('invalid usage', () => {
  const cases = Object.entries(invalid).flatMap(([command, each]) =>
    each.map(([argv, problem]) => ({
      line: ['mcpwire', command, ...argv].filter(Boolean).join(' '),
      argv: command === '' ? argv : [command, ...argv],
      problem,
      usage: usageLines[command],
    })),
  )

  test.each(cases)('exits with code 2 and prints the usage line for: $line', async (each) => {
    const { exitCode, stdout, stderr } = await outputOf(each.argv)
    const [first, second] = stderr.split('\n')
    expect({ exitCode, stdout, usage: second }).toEqual({ exitCode: 2, stdout: '', usage: each.usage })
    expect(first).toMatch(/^mcpwire( (bridge|probe|demo))?: /)
    expect(first).toContain(each.problem)
    expect(stderr).not.toContain('secret')
  })

  test('exits the process with code 2', async () => {
    const { exit, stderr, stdout } = run([...program, 'bridge', '--frob'])
    expect(await exit).toBe(2)
    expect(stderr()).toContain(usageLines['bridge'])
    expect(stdout()).toBe('')
  })
})

describe('help', () => {
  test('lists every command', async () => {
    const { exitCode, stdout } = await outputOf(['--help'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/bridge .*\n.*probe .*\n.*demo /)
  })

  test.each(['bridge', 'probe', 'demo'])('of %s is the same by "help" and by "--help"', async (name) => {
    const { exitCode, stdout } = await outputOf([name, '--help'])
    expect(exitCode).toBe(0)
    expect((await outputOf(['help', name])).stdout).toBe(stdout)
  })

  test.each(['bridge', 'probe'])('of %s shows the default of --inherit', async (name) => {
    const { stdout } = await outputOf([name, '--help'])
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/--inherit [^-]*\(default: safe\)/)
  })

  test('is not printed for an option after "--", which belongs to the server', async () => {
    const script = ['--eval', 'process.exit(process.argv.length)', '--', '--help']
    const { exit, stderr } = run([...program, 'bridge', '--', process.execPath, ...script])
    expect(await exit).toBe(1)
    expect(stderr()).toContain('exited with code 2')
  })
})

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(await outputOf(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' })
})
