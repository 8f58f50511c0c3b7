import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { program, run } from './support/bin.js'
import { certificate, connect, folder, listening } from './support/listening.js'
import { outputOf } from './support/output.js'

// Secrets are planted wherever the command line reads one. No output of any process contains them.

const KEY = 'planted-key-0123456789'
const HEADER = 'planted-header-0123456789'
const TOKEN = ['eyJhbGciOiJub25lIn0', 'cGxhbnRlZC10b2tlbi0wMTIzNDU2Nzg5', 'cGxhbnRlZA'].join('.')
const PLANTED = [KEY, HEADER, TOKEN, 'cGxhbnRlZC10b2tlbi', 'planted']

function file(name: string, text: string): string {
  const path = join(folder(), name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

function expectNoSecrets(output: string): void {
  for (const secret of PLANTED) expect(output).not.toContain(secret)
}

test('no key, token or header is in the output of either end, with --verbose', async () => {
  const path = file('keys', `ada ${KEY}\n`)
  const urls = [
    'http://127.0.0.1:0/mcp',
    'ws://127.0.0.1:0/mcp',
    'tcp://127.0.0.1:0',
    `unix:${join(folder(), 's')}`,
  ]
  const bridge = await listening(urls, [...['--api-key-file', path, '--verbose', '--log-format', 'text']])
  let clients = ''
  for (const [at, address] of bridge.addresses.entries()) {
    const admitted = await connect(address, { headers: { authorization: `Bearer ${KEY}`, 'x-more': HEADER } })
    await admitted.request('initialize', { protocolVersion: '2025-11-25' })
    const client = run([
      ...[...program, 'bridge', '--verbose', address],
      ...['--header', `Authorization: Bearer ${at % 2 === 0 ? HEADER : TOKEN}`],
    ])
    client.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect(await client.responseTo(1)).toMatchObject({ error: { data: { code: 'AUTH_REQUIRED' } } })
    client.process.stdin?.end()
    expect(await client.exit).toBe(1)
    clients += client.stdout() + client.rawStderr()
  }
  // A line with a fault that has a key in it.
  writeFileSync(path, `ada ${KEY} ${KEY} ${KEY}\n`)
  await vi.waitFor(() => expect(bridge.rawStderr()).toContain('the previous keys stay valid'), 20_000)
  bridge.process.kill('SIGTERM')
  await bridge.exit
  expect(bridge.rawStderr()).toMatch(/REFUSED/)
  expectNoSecrets(clients)
  expectNoSecrets(bridge.rawStderr() + bridge.stdout())
})

test('no usage error contains a secret', async () => {
  const { certFile } = certificate('server')
  const pem = file('key.pem', `-----BEGIN PRIVATE KEY-----\n${HEADER}\n-----END PRIVATE KEY-----\n`)
  const tls = ['--listen', 'https://127.0.0.1:0/mcp', '--listen-cert', certFile, '--listen-key', pem]
  const commandLines = [
    ['--header', HEADER, 'tcp://127.0.0.1:1'],
    ['--header', `Authorization: Bearer ${KEY}\u0007`, 'unix:/nowhere/x'],
    ['--header', `@${file('headers', `${HEADER}\n`)}`, 'unix:/nowhere/x'],
    ['--listen', 'tcp://127.0.0.1:0', '--api-key-file', file('keys', `${KEY}\n`), '--', 'node'],
    ['--listen', 'tcp://127.0.0.1:0', '--api-key-file', file('keys', `a ${KEY}\nb ${KEY}\n`), '--', 'node'],
    [...tls, '--', 'node'],
  ]
  for (const argv of commandLines) {
    const { exitCode, stdout, stderr } = await outputOf(['bridge', ...argv])
    expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 2, stdout: '' })
    expectNoSecrets(stderr)
  }
})
