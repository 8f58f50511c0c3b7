import { request } from 'node:https'
import { connect } from 'node:tls'
import { createFakeClock, until } from '@mcpwire/compliance'
import type { Gate, RefusedCaller, TlsFacts, TlsMaterial, TlsSource } from '@mcpwire/core'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { expect, onTestFinished, test } from 'vitest'
import { type HttpServerOptions, httpServer } from '../src/node/index.js'
import { initialize } from './support/served.js'

const TIMEOUT_MS = 30_000
const authority = createAuthority('test authority')
const host = authority.issue({ name: 'localhost', names: ['localhost', '127.0.0.1'] })
const agent = authority.issue({ name: 'agent', organization: 'Example', names: ['agent.example'] })

async function started(
  options: Partial<HttpServerOptions>,
): Promise<{ port: number; errors: Error[]; refused: RefusedCaller[] }> {
  const listener = httpServer({ port: 0, tls: host, ...options })
  const errors: Error[] = []
  const refused: RefusedCaller[] = []
  listener.onerror = (error) => errors.push(error)
  listener.onrefused = (caller) => refused.push(caller)
  listener.onconnection = (connection) => {
    connection.onmessage = () => {
      void connection.send({ jsonrpc: '2.0', id: 'init', result: { protocolVersion: '2025-11-25' } })
    }
    void connection.start()
  }
  await listener.start()
  onTestFinished(() => listener.close())
  expect(listener.address).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/mcp$/)
  return { port: Number(new URL(listener.url).port), errors, refused }
}

function ask(port: number, shown: Partial<typeof agent> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const post = request(
      {
        host: '127.0.0.1',
        port,
        path: '/mcp',
        method: 'POST',
        ca: authority.cert,
        agent: false,
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        ...shown,
      },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    post.on('error', reject)
    post.end(JSON.stringify(initialize()))
  })
}

/** The name in the certificate that a server shows. */
function shownBy(port: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority.cert }, () => {
      resolve(socket.getPeerCertificate().subject.CN)
      socket.end()
    })
    socket.on('error', reject)
  })
}

test('serves https: with its certificate', async () => {
  const { port } = await started({})
  expect({ status: await ask(port), certificate: await shownBy(port) }).toEqual({
    status: 200,
    certificate: 'localhost',
  })
})

test('passes the certificate of a client to the gate', async () => {
  const seen: (TlsFacts | undefined)[] = []
  const gate: Gate = {
    admit: ({ tls }) => {
      seen.push(tls)
      return { admit: true }
    },
  }
  const { port } = await started({ gate, tls: { ...host, ca: authority.cert } })
  expect(await ask(port, agent)).toBe(200)
  expect(seen).toMatchObject([{ authorized: true, protocol: 'TLSv1.3', altNames: ['DNS:agent.example'] }])
  expect(seen[0]?.subject).toContain('CN=agent')
})

test('refuses a client without a certificate, or with one of another authority', async () => {
  const { port } = await started({ tls: { ...host, ca: authority.cert } })
  const stranger = createAuthority('another').issue({ name: 'agent' })
  for (const shown of [{}, stranger]) {
    await expect(ask(port, shown)).rejects.toThrow()
  }
  expect(await ask(port, agent)).toBe(200)
})

test('refuses a certificate of another authority where certificates are optional', async () => {
  const tls = { ...host, ca: authority.cert, clientCertificates: 'optional' } as const
  const { port, refused } = await started({ tls })
  const stranger = createAuthority('another').issue({ name: 'agent' })
  await expect(ask(port, stranger)).rejects.toThrow()
  await until(() => refused.length > 0, 'the refusal is reported', TIMEOUT_MS)
  expect(refused).toMatchObject([
    {
      address: 'http://127.0.0.1',
      status: 401,
      reason: expect.stringMatching(/^the client certificate was not accepted: .*unknown authority/),
    },
  ])
  expect([await ask(port), await ask(port, agent)]).toEqual([200, 200])
})

test('reports a client without a certificate where one is required', async () => {
  const { port, refused } = await started({ tls: { ...host, ca: authority.cert } })
  await expect(ask(port)).rejects.toThrow()
  await until(() => refused.length > 0, 'the refusal is reported', TIMEOUT_MS)
  expect(refused).toMatchObject([{ status: 401, reason: 'a client certificate is required' }])
})

test('uses a replaced certificate without a restart', async () => {
  const next = authority.issue({ name: 'next', names: ['127.0.0.1'] })
  let material: TlsMaterial = host
  const listeners: (() => void)[] = []
  const source: TlsSource = {
    current: () => material,
    onChange: (listener) => {
      listeners.push(listener)
      return { [Symbol.dispose]: () => listeners.pop() }
    },
  }
  const { port, errors } = await started({ tls: { source } })
  expect(await shownBy(port)).toBe('localhost')
  material = next
  for (const changed of listeners) changed()
  expect(errors).toEqual([])
  expect(await shownBy(port)).toBe('next')
})

test('reports a faulty certificate before it listens', () => {
  expect(() => httpServer({ port: 0, tls: { cert: 'none', key: 'none' } })).toThrow(/tls/)
  expect(() =>
    httpServer({ port: 0, tls: { certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' } }),
  ).toThrow(/nowhere/)
})

test('destroys a response over TLS that the client does not read for stallTimeoutMs', async () => {
  const clock = createFakeClock()
  const listener = httpServer({ port: 0, tls: host, clock, stallTimeoutMs: 60_000 })
  let isAnswered = false
  listener.onconnection = (connection) => {
    connection.onmessage = () => {
      const result = { text: 'x'.repeat(9_000_000) }
      void connection.send({ jsonrpc: '2.0', id: 'init', result }).then(() => {
        isAnswered = true
      })
    }
    void connection.start()
  }
  await listener.start()
  onTestFinished(() => listener.close())
  const port = Number(new URL(listener.url).port)
  const socket = connect({ host: '127.0.0.1', port, ca: authority.cert })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  socket.pause()
  const body = JSON.stringify(initialize())
  const headers = [
    'host: localhost',
    'content-type: application/json',
    'accept: application/json',
    `content-length: ${body.length}`,
  ]
  socket.write(`POST /mcp HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`)
  await until(() => isAnswered, 'it is answered', TIMEOUT_MS)
  await until(() => clock.pending > 0, 'it is watched', TIMEOUT_MS)
  let turns = 0
  // The system buffers some of it, later than the response is sent.
  while (!socket.closed && turns++ < 100) {
    await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(10_000)
    if (turns === 50) socket.resume()
  }
  await until(() => socket.closed, 'the connection is cut', TIMEOUT_MS)
  expect(socket.bytesRead).toBeLessThan(9_000_000)
})
