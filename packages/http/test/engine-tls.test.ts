import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsClientOptions, TlsMaterial, TlsSource } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { createEngine } from '../src/engines/node/engine.js'
import { engineSettings, eventually, type Recorded, record } from './support/engine-calls.js'
import { credentials } from './support/engine-kinds.js'
import { type EngineServer, engineServer, type Seen } from './support/engine-server.js'

const OPENSSL = '/usr/bin/openssl'
const { ca, client, renewed, stranger, server: own, elsewhere } = credentials

async function ask(
  server: EngineServer,
  tls: TlsClientOptions | undefined,
  url = server.url,
): Promise<Recorded> {
  const engine = createEngine(engineSettings({ url, tls }))
  const call = record(engine, { url, body: '{}' })
  await call.over()
  await engine.close()
  return call
}

function respondWithCaller({ response, caller }: Seen): void {
  response.end(caller ?? 'nobody')
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mcpwire-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

test('reads certificates from files', async () => {
  await using server = await engineServer(respondWithCaller, { ...own, ca, requestCert: true })
  const path = await folder()
  const [certFile, keyFile, caFile] = [join(path, 'cert.pem'), join(path, 'key.pem'), join(path, 'ca.pem')]
  await writeFile(certFile, client.cert)
  await writeFile(keyFile, client.key)
  await writeFile(caFile, ca)

  expect((await ask(server, { certFile, keyFile, caFile })).text()).toBe('CN=alice')
})

test('names a file that is missing or has another content, before it connects', async () => {
  const url = new URL('https://127.0.0.1:1/mcp')
  const wrong = join(await folder(), 'wrong.pem')
  await writeFile(wrong, 'wrong')
  for (const [tls, text] of [
    [{ caFile: '/nowhere/ca.pem' }, 'option "tls.caFile" must be a file that can be read'],
    [{ caFile: wrong }, wrong],
    [{ certFile: wrong, key: client.key }, wrong],
    [{ cert: client.cert }, 'tls.keyFile'],
    [{ cert: client.cert, key: renewed.key }, 'the private key of option "tls.cert"'],
    [{ minVersion: 'TLSv1.1' as never }, 'tls.minVersion'],
  ] as const) {
    expect(() => createEngine(engineSettings({ url, tls }))).toThrow(text)
  }
})

test.each([
  ['an authority that is not trusted', {}, {}, 'add the certificate of the authority to option "tls.ca"'],
  ['a certificate for other names', elsewhere, { ca }, 'its certificate is for other names'],
  ['older versions only', { maxVersion: 'TLSv1.2' }, { ca, minVersion: 'TLSv1.3' }, 'tls.minVersion'],
] as const)('does not send to a server with %s', async (_what, serving, tls, text) => {
  await using server = await engineServer(respondWithCaller, { ...own, ...serving })

  const call = await ask(server, tls)

  expect(call.failure?.message).toContain(text)
  expect(call.delivery).toBe('none')
  expect(server.seen).toEqual([])
})

test('reports a server that does not speak TLS', async () => {
  await using server = await engineServer(respondWithCaller)

  const call = await ask(server, { ca }, new URL(`https://127.0.0.1:${server.port}/mcp`))

  expect(call.failure?.message).toBe('it does not speak TLS')
  expect(call.delivery).toBe('none')
})

test.each([
  ['none', { ca }],
  ['one of another authority', { ca, ...stranger }],
] as const)('fails where the server rejects its certificate: %s', async (_what, tls) => {
  const requiring = { ...own, ca, requestCert: true, rejectUnauthorized: true }
  await using server = await engineServer(respondWithCaller, requiring)

  const call = await ask(server, tls)

  expect(call.events).toEqual(['failed'])
  expect(server.seen).toEqual([])
})

// Servers of Node close without an alert where they reject a certificate.
test.skipIf(!existsSync(OPENSSL)).each([
  ['none', { ca }, /^it requires a certificate of this end in option "tls.cert"$/],
  [
    'one of another authority',
    { ca, ...stranger },
    /^it does not (?:trust the authority|accept the certificate)/,
  ],
] as const)('reports the alert of the server about its certificate: %s', async (_what, tls, text) => {
  const path = await folder()
  for (const [file, pem] of Object.entries({ cert: own.cert, key: own.key, ca }))
    await writeFile(join(path, file), pem)
  const options = '-accept 127.0.0.1:0 -cert cert -key key -CAfile ca -Verify 1 -verify_return_error -www'
  const server = spawn(OPENSSL, ['s_server', ...options.split(' ')], { cwd: path })
  onTestFinished(() => void server.kill())
  let said = ''
  for (const output of [server.stdout, server.stderr]) output.on('data', (chunk) => (said += chunk))
  await eventually(() => /ACCEPT \S+:\d+/.test(said), 'the server listens')
  const url = new URL(`https://127.0.0.1:${/ACCEPT \S+:(\d+)/.exec(said)?.[1]}/mcp`)

  const engine = createEngine(engineSettings({ url, tls }))
  const call = record(engine, { url, body: '{}' })
  await call.over()

  expect(call.failure?.message).toMatch(text)
  expect(call.delivery).toBe('none')
  await engine.close()
})

test('sends option tls.serverName, and verifies it', async () => {
  await using server = await engineServer(respondWithCaller, elsewhere)

  expect((await ask(server, { ca, serverName: 'elsewhere.test' })).text()).toBe('nobody')
})

test('uses TLS 1.2 where the server supports nothing newer', async () => {
  await using server = await engineServer(respondWithCaller, { ...own, maxVersion: 'TLSv1.2' })

  expect((await ask(server, { ca })).text()).toBe('nobody')
  expect((await ask(server, { ca, minVersion: undefined })).text()).toBe('nobody')
})

test('verifies servers whatever NODE_TLS_REJECT_UNAUTHORIZED is', async () => {
  await using server = await engineServer(respondWithCaller, own)
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  onTestFinished(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })

  expect((await ask(server, {})).delivery).toBe('none')
})

test('sends a renewed certificate on new connections', async () => {
  await using server = await engineServer(
    (seen) => {
      seen.response.setHeader('connection', 'close')
      respondWithCaller(seen)
    },
    { ...own, ca, requestCert: true, rejectUnauthorized: true },
  )
  let current: () => TlsMaterial = () => ({ ...client, ca })
  const source: TlsSource = { current: () => current(), onChange: () => ({ [Symbol.dispose]: () => {} }) }
  const engine = createEngine(engineSettings({ url: server.url, tls: { source } }))
  const respondNow = async (): Promise<Recorded> => {
    const call = record(engine, { url: server.url, body: '{}' })
    await call.over()
    return call
  }

  expect((await respondNow()).text()).toBe('CN=alice')
  current = () => ({ ...renewed, ca })
  expect((await respondNow()).text()).toBe('CN=alice renewed')
  current = () => {
    throw new Error('the disk is gone')
  }
  const call = await respondNow()
  expect(call.failure).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'tls.source' } })
  expect(call.delivery).toBe('none')
  await engine.close()
})
