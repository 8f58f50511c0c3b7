import { TransportError } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { createConnectionQuota } from '../src/connection-quota.js'
import { endpoint, listenerAt } from '../src/endpoint.js'
import { diagnose } from '../src/report.js'
import { outputOf } from './support/output.js'

// The only test that pins the texts of this package. Update it with `vitest -u`.

const server = ['--', 'node']
const listen = ['--listen', 'tcp://127.0.0.1:0']
const http = ['--listen', 'http://127.0.0.1:0/mcp']

test('usage errors are plain sentences', async () => {
  const commandLines = [
    [],
    ['bridge'],
    ['bridge', '--'],
    ['bridge', 'tcp://h:1', ...server],
    ['bridge', 'node', 'server.js'],
    ['bridge', 'tcp://h:1', 'tcp://h:2'],
    ['bridge', 'http://'],
    ['bridge', 'foo://h'],
    ['bridge', 'tcp://h'],
    ['bridge', '--cwd', '/', 'tcp://h:1'],
    ['bridge', '--header', 'a: b', ...server],
    ['bridge', '--header', 'a', 'http://h'],
    ['bridge', '--tls-ca', '/x', ...server],
    ['bridge', '--tls-cert', '/x', 'tcps://h:1'],
    ['bridge', '--env', 'NOT_SET_HERE', ...server],
    ['bridge', '--max-message-bytes', 'x', ...server],
    ['bridge', '--max-message-bytes', '1', ...server],
    ['bridge', '--max-connections', '1', ...server],
    ['bridge', ...listen, '--allow-origin', 'https://app.example', ...server],
    ['bridge', ...http, '--allow-origin', 'x', ...server],
    ['bridge', ...http, '--allow-remote', ...server],
    ['bridge', ...listen, '--allow-anonymous', ...server],
    ['bridge', ...listen, '--jwt-issuer', 'https://as.example', ...server],
    ['bridge', ...listen, '--require-scope', 'x', ...server],
    ['bridge', '--listen', 'stdio:', ...server],
    ['bridge', '--listen', '7000', ...server],
    ['bridge', '--listen', 'tcp://0.0.0.0:0', ...server],
    ['bridge', '--listen', 'tcps://127.0.0.1:0', ...server],
    ['bridge', ...listen, '--listen-ca', '/x', ...server],
    ['probe', '--count', '0', ...server],
    ['demo', ...server],
  ]
  const lines: string[] = []
  for (const argv of commandLines) lines.push((await outputOf(argv)).stderr.split('\n')[0] ?? '')
  expect(lines).toMatchInlineSnapshot(`
    [
      "mcpwire: missing a command",
      "mcpwire bridge: missing the server: a URL, or "--" and the command that runs it",
      "mcpwire bridge: missing the command after "--"",
      "mcpwire bridge: either a URL or a command after "--", not both: tcp://h:1",
      "mcpwire bridge: missing "--" before the command: -- node server.js",
      "mcpwire bridge: only one server is allowed: remove tcp://h:2",
      "mcpwire bridge: the URL must be http://host:port/path; received "http://"",
      "mcpwire bridge: unknown scheme "foo:"; known: stdio:, tcp:, tcps:, unix:, ws:, wss:, http:, https: (stdio: takes a command instead of a URL)",
      "mcpwire bridge: the URL must be tcp://host:port or tcps://host:port without more; received "tcp://h"",
      "mcpwire bridge: --cwd requires a server that a command runs",
      "mcpwire bridge: --header requires a server at a URL",
      "mcpwire bridge: --header must be "Name: value", or @file with one header per line",
      "mcpwire bridge: --tls-ca requires a tcps://, wss:// or https:// URL",
      "mcpwire bridge: --tls-cert requires --tls-key",
      "mcpwire bridge: --env NOT_SET_HERE: the variable is not set here; set it, or pass --env NOT_SET_HERE=VALUE",
      "mcpwire bridge: option '--max-message-bytes <n>' argument 'x' is invalid. It must be a whole number of at least 1, or Infinity.",
      "mcpwire bridge: --max-message-bytes must be a number of at least 1024; received 1",
      "mcpwire bridge: --max-connections requires --listen",
      "mcpwire bridge: --allow-origin requires --listen with an http://, https://, ws:// or wss:// URL",
      "mcpwire bridge: --allow-origin must be an origin without a path, such as "https://app.example.com" or "https://*.example.com"; received "x"",
      "mcpwire bridge: --allow-remote was replaced: require authentication, such as --api-key-file, or pass --allow-anonymous",
      "mcpwire bridge: --allow-anonymous has no effect: no other host reaches the URLs of --listen",
      "mcpwire bridge: --jwt-issuer requires --public-url or --jwt-audience: tokens must be for this server",
      "mcpwire bridge: --require-scope requires --jwt-issuer",
      "mcpwire bridge: --listen stdio:: cannot listen on stdio:: stdio connects a process with its own child only",
      "mcpwire bridge: --listen 7000: not a URL: "7000"; did you mean http://127.0.0.1:7000/mcp or tcp://127.0.0.1:7000?",
      "mcpwire bridge: --listen tcp://0.0.0.0:0: not started: clients on other hosts could connect without authentication. Listen on 127.0.0.1, or pass --api-key-file, --jwt-issuer or, for https://, wss:// and tcps://, --listen-ca. --allow-anonymous admits every client",
      "mcpwire bridge: --listen tcps://127.0.0.1:0 requires --listen-cert and --listen-key",
      "mcpwire bridge: --listen-ca requires --listen with a tcps://, wss:// or https:// URL",
      "mcpwire probe: option '--count <n>' argument '0' is invalid. It must be a whole number from 1 to 1000000.",
      "mcpwire demo: this command runs no server: nothing may follow "--"",
    ]
  `)
})

test('errors of endpoint() and listenerAt() are plain sentences', async () => {
  const attempts = [
    endpoint(7 as never),
    endpoint('x'),
    endpoint([]),
    endpoint('unix:'),
    endpoint('tcp://h:1', { tls: {} }),
    endpoint('unix:/x', { tls: {} }),
    endpoint(['node'], { tls: {} }),
    endpoint(['node'], { headers: {} }),
    endpoint('tcp://h:1', { headers: { 'a b': 'secret' } }),
    endpoint('unix:/x', { headers: 'secret' } as never),
    endpoint('tcp://h:1', { colour: 1 } as never),
    listenerAt('http://h/?x'),
    listenerAt('ws://h/?x'),
    listenerAt('ws://h/', { tls: {} }),
  ]
  const messages = await Promise.all(
    attempts.map((attempt) =>
      attempt.then(
        () => 'it resolved',
        (error: Error) => error.message,
      ),
    ),
  )
  expect(messages).toMatchInlineSnapshot(`
    [
      "option "endpoint" must be a URL in a string, or a list of a command and its arguments; received 7",
      "not a URL: "x"; known: stdio:, tcp:, tcps:, unix:, ws:, wss:, http:, https: (stdio: takes a command instead of a URL)",
      "option "endpoint" must be a command with its arguments in a list for stdio:; received an array",
      "option "endpoint" must be unix:/path, or unix:@name for an abstract name; received "unix:"",
      "option "tls" requires a tcps: URL",
      "option "tls" does not apply to unix: URLs",
      "option "tls" does not apply to a child process",
      "option "headers" does not apply to a child process",
      "option "headers" must be headers by name or as pairs; "a b" is no header name",
      "option "headers" must be headers by name or as pairs",
      "option "colour" is not known; known: cwd, env, inherit, stderr, maxMessageBytes, closeTimeoutMs, pingIntervalMs, tls, headers",
      "option "endpoint" must be http://host:port/path or https://host:port/path without more; received "http://h/?x"",
      "option "endpoint" must be ws://host:port/path or wss://host:port/path without more; received "ws://h/?x"",
      "option "tls" requires a wss: URL",
    ]
  `)
})

test('diagnoses are plain sentences', () => {
  const errors = [
    new TransportError('REQUEST_TIMEOUT', 'no response to ping within 5 ms', {
      method: 'ping',
      timeoutMs: 5,
    }),
    new TransportError('AUTH_REQUIRED', 'http://h/mcp responded with status 401', { status: 401 }),
    new TransportError('REFUSED', 'http://h/x responded with status 404', { status: 404 }),
  ]
  expect(errors.map((error) => diagnose(error).message)).toMatchInlineSnapshot(`
    [
      "no response to ping within 5 ms; raise --timeout-ms",
      "http://h/mcp responded with status 401; authentication required: pass --header "Authorization: Bearer …"",
      "http://h/x responded with status 404; MCP servers usually respond at http://h/mcp or, with HTTP+SSE, at http://h/sse",
    ]
  `)
})

test('a refused connection is a plain sentence', () => {
  const { policy } = createConnectionQuota(0)
  const attempt = {
    handshake: { medium: 'tcp', remote: {}, headers: {} },
    admission: { admit: true },
  } as const
  expect(policy.open(attempt, new AbortController().signal)).toMatchInlineSnapshot(`
    {
      "admit": false,
      "reason": "the server has no capacity for another connection",
      "status": 503,
      "whenFree": [Function],
    }
  `)
})
