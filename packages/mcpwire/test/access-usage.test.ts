import { expect, test } from 'vitest'
import { outputOf } from './support/output.js'

// Contradictory and incomplete flags of access. No process is started: each case ends before it would listen.

const server = ['--', 'node']
const HTTP = ['--listen', 'http://127.0.0.1:0/mcp']
const TCP = ['--listen', 'tcp://127.0.0.1:0']
const UNIX = ['--listen', 'unix:/nowhere/x.sock']
const OPEN = ['--listen', 'http://0.0.0.0:0/mcp']
const KEYS = ['--api-key-file', '/nowhere/keys']
const JWT = ['--jwt-issuer', 'https://as.example', '--jwt-audience', 'mcp']
const TLS = ['--listen-cert', 'package.json', '--listen-key', 'package.json']

const openToAll =
  'not started: clients on other hosts could connect without authentication. Listen on 127.0.0.1, or pass --api-key-file, --jwt-issuer'

/** Arguments of `mcpwire bridge`, with the start of the error. */
const cases: readonly (readonly [readonly string[], string])[] = [
  // Without --listen
  [['--api-key-file', 'x'], '--api-key-file requires --listen'],
  [['--jwt-issuer', 'https://as.example'], '--jwt-issuer requires --listen'],
  [['--jwt-audience', 'x'], '--jwt-audience requires --listen'],
  [['--jwks-url', 'https://as.example/keys'], '--jwks-url requires --listen'],
  [['--require-scope', 'x'], '--require-scope requires --listen'],
  [['--public-url', 'https://mcp.example/mcp'], '--public-url requires --listen'],
  [['--allow-origin', 'https://app.example'], '--allow-origin requires --listen'],
  [['--allow-host', 'mcp.example'], '--allow-host requires --listen'],
  [['--trusted-proxy', '127.0.0.1'], '--trusted-proxy requires --listen'],
  [['--allow-anonymous'], '--allow-anonymous requires --listen'],
  [['--allow-remote'], '--allow-remote was replaced: require authentication, such as --api-key-file'],
  [[...OPEN, '--allow-remote'], '--allow-remote was replaced'],
  // Clients on other hosts
  [OPEN, `--listen http://0.0.0.0:0/mcp: ${openToAll}`],
  [['--listen', 'ws://[::]:0/mcp'], `--listen ws://[::]:0/mcp: ${openToAll}`],
  [['--listen', 'tcp://mcp.example:7000'], `--listen tcp://mcp.example:7000: ${openToAll}`],
  [[...UNIX, '--listen', 'tcp://0.0.0.0:0'], `--listen tcp://0.0.0.0:0: ${openToAll}`],
  [[...HTTP, '--trusted-proxy', '127.0.0.1'], `--listen http://127.0.0.1:0/mcp: ${openToAll}`],
  [[...TCP, '--trusted-proxy', '127.0.0.1'], `--listen tcp://127.0.0.1:0: ${openToAll}`],
  // --listen-ca authenticates the clients of the URL with TLS only.
  [
    ['--listen', 'https://0.0.0.0:0/mcp', ...TLS, '--listen-ca', 'package.json', ...OPEN],
    `--listen http://0.0.0.0:0/mcp: ${openToAll}`,
  ],
  // --allow-anonymous
  [[...OPEN, '--allow-anonymous', ...KEYS], '--api-key-file contradicts --allow-anonymous'],
  [[...OPEN, '--allow-anonymous', ...JWT], '--jwt-issuer contradicts --allow-anonymous'],
  [
    ['--listen', 'tcps://0.0.0.0:0', ...TLS, '--listen-ca', 'package.json', '--allow-anonymous'],
    '--listen-ca contradicts --allow-anonymous',
  ],
  [[...HTTP, '--allow-anonymous'], '--allow-anonymous has no effect: no other host reaches'],
  [[...UNIX, ...TCP, '--allow-anonymous'], '--allow-anonymous has no effect: no other host reaches'],
  // Tokens
  [[...HTTP, '--jwt-issuer', 'https://as.example'], '--jwt-issuer requires --public-url or --jwt-audience'],
  [[...HTTP, '--jwt-audience', 'x'], '--jwt-audience requires --jwt-issuer'],
  [[...HTTP, '--jwks-url', 'https://as.example/keys', ...KEYS], '--jwks-url requires --jwt-issuer'],
  [[...HTTP, '--require-scope', 'x', ...KEYS], '--require-scope requires --jwt-issuer'],
  [[...HTTP, '--public-url', 'https://mcp.example/mcp', ...KEYS], '--public-url requires --jwt-issuer'],
  // URLs without effect
  [[...TCP, '--allow-origin', 'https://app.example'], '--allow-origin requires --listen with an http://'],
  [[...UNIX, '--allow-host', 'mcp.example'], '--allow-host requires --listen with an http://'],
  [[...UNIX, ...KEYS, '--trusted-proxy', '127.0.0.1'], '--trusted-proxy has no effect at a Unix socket'],
]

test.each(cases)('mcpwire bridge %j -- node: %s', async (argv, problem) => {
  const { exitCode, stdout, stderr } = await outputOf(['bridge', ...argv, ...server])
  const [first, second] = stderr.split('\n')
  expect({ exitCode, stdout, usage: second }).toEqual({
    exitCode: 2,
    stdout: '',
    usage: 'usage: mcpwire bridge [options] (<url> | -- <command> [argument...])',
  })
  expect(first).toMatch(/^mcpwire bridge: /)
  expect(first?.slice('mcpwire bridge: '.length)).toMatch(new RegExp(`^${escaped(problem)}`))
})

test('--allow-remote is not part of the help', async () => {
  const { stdout } = await outputOf(['bridge', '--help'])
  expect(stdout).toContain('--allow-anonymous')
  expect(stdout).not.toContain('--allow-remote')
})

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
