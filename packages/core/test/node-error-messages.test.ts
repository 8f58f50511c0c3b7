import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { isTransportError, type JsonRpcErrorResponse, systemClock } from '../src/index.js'
import { decodeCloseReason } from '../src/node/close-reason.js'
import {
  bindServer,
  byteStreamDefaults,
  clientPreambleOptions,
  dialSocket,
  duplexChannel,
  inspectClientStart,
  loadTlsEnd,
  loadTlsServer,
} from '../src/node/index.js'

const address = 'tcp://10.0.0.1:7000'
const peer = { medium: 'tcp', address }

function thrownBy(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (isTransportError(error)) return error.message
  }
  return 'no error'
}

async function rejectionOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'no error',
    (error: Error) => error.message,
  )
}

test('the errors of bindServer have these texts', async () => {
  const textFor = (code: string): Promise<string> => {
    const listen = (): never => {
      throw Object.assign(new Error(`listen ${code} 10.0.0.1:80`), { code })
    }
    const sink = { connection: () => {}, error: () => {}, refused: () => {}, end: () => {} }
    const { signal } = new AbortController()
    return rejectionOf(bindServer(createServer(), { requestedAddress: address, listen }, { sink, signal }))
  }

  expect({
    occupied: await textFor('EADDRINUSE'),
    privileged: await textFor('EACCES'),
    foreign: await textFor('EADDRNOTAVAIL'),
  }).toMatchInlineSnapshot(`
    {
      "foreign": "cannot listen on tcp://10.0.0.1:7000: listen EADDRNOTAVAIL 10.0.0.1:80; this machine does not have that address: choose one of its own",
      "occupied": "cannot listen on tcp://10.0.0.1:7000: listen EADDRINUSE 10.0.0.1:80; another program listens there: choose another port",
      "privileged": "cannot listen on tcp://10.0.0.1:7000: listen EACCES 10.0.0.1:80; this user may not listen there: choose another port",
    }
  `)
})

test('the errors of dialSocket have these texts', async () => {
  const options = { address, connectTimeoutMs: 1, clock: systemClock }
  const { signal } = new AbortController()
  const open = (attempt: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => attempt.addEventListener('abort', () => reject(attempt.reason)))
  const describeError = ({ message }: Error) => ({ reason: message, hint: 'check the cable' })

  expect({
    timeout: await rejectionOf(dialSocket({ ...options, open, describeError }, signal)),
    failure: await rejectionOf(
      dialSocket({ ...options, open: () => Promise.reject(new Error('no carrier')), describeError }, signal),
    ),
    headers: await rejectionOf(
      dialSocket(
        { ...options, connectTimeoutMs: 1_000, open, describeError, preamble: { headers: () => 7 as never } },
        signal,
      ),
    ),
  }).toMatchInlineSnapshot(`
    {
      "failure": "cannot connect to tcp://10.0.0.1:7000: no carrier; check the cable",
      "headers": "preamble.headers failed: it did not return an object",
      "timeout": "cannot connect to tcp://10.0.0.1:7000: the connection took longer than connectTimeoutMs (1 ms)",
    }
  `)
})

test('the reasons for the end of a duplexChannel have these texts', async () => {
  const reasonAfter = (act: (stream: PassThrough) => void): Promise<string | undefined> =>
    new Promise((resolve) => {
      const readable = new PassThrough()
      const writable = new PassThrough()
      const sink = {
        message: () => {},
        error: () => {},
        end: (error?: Error) => resolve(error?.message),
      }
      const channel = duplexChannel({ readable, writable }, sink, {
        ...byteStreamDefaults,
        peer,
        inspectStart: inspectClientStart,
        emptyResponseAdvice: { hint: 'check option "tls"' },
      })
      void channel.send({ jsonrpc: '2.0', id: 1, method: 'initialize' })
      act(readable)
    })

  expect({
    empty: await reasonAfter((stream) => void stream.end()),
    error: await reasonAfter((stream) => void stream.destroy(new Error('read ECONNRESET'))),
    closed: await reasonAfter((stream) => void stream.destroy()),
    tls: await reasonAfter((stream) => void stream.end(Buffer.from('160301', 'hex'))),
  }).toMatchInlineSnapshot(`
    {
      "closed": "lost tcp://10.0.0.1:7000: the connection closed before the end of the stream",
      "empty": "lost tcp://10.0.0.1:7000: the connection closed without a response; check option "tls"",
      "error": "lost tcp://10.0.0.1:7000: read ECONNRESET",
      "tls": "closed the connection to tcp://10.0.0.1:7000: it speaks TLS instead of JSON-RPC messages in lines; use TLS at both ends or at neither",
    }
  `)
})

test('the errors of close reasons have these texts', () => {
  const decode = (data: object): string | undefined => {
    const error = { code: -31_008, message: 'the admission expired', data }
    return decodeCloseReason({ jsonrpc: '2.0', error } as JsonRpcErrorResponse, address)?.message
  }

  expect(decode({ code: 'REFUSED' })).toMatchInlineSnapshot(
    `"tcp://10.0.0.1:7000 closed the connection: the admission expired"`,
  )
})

test('the errors of TLS options have these texts', () => {
  expect({
    certificate: thrownBy(() => loadTlsServer({})),
    key: thrownBy(() => loadTlsEnd({ cert: 'content' })),
    missing: thrownBy(() => loadTlsEnd({ caFile: 'missing.pem' })),
    content: thrownBy(() => loadTlsEnd({ caFile: '-----BEGIN CERTIFICATE-----' })),
    malformed: thrownBy(() => loadTlsEnd({ ca: 'malformed' })),
    empty: thrownBy(() => loadTlsEnd({ ca: [] })),
    source: thrownBy(() => loadTlsEnd({ source: {} as never })),
  }).toMatchInlineSnapshot(`
    {
      "certificate": "option "tls.cert" must be given, or option "tls.certFile": a server needs a certificate",
      "content": "option "tls.caFile" must be the path of a file; content belongs in option "tls.ca"",
      "empty": "option "tls.ca" must be at least one authority (CA)",
      "key": "option "tls.key" must be given, or option "tls.keyFile", together with option "tls.cert"",
      "malformed": "option "tls.ca" must be a certificate in PEM or DER",
      "missing": "option "tls.caFile" must be a file that can be read: ENOENT: no such file or directory, open 'missing.pem'",
      "source": "option "tls.source" must be a TlsSource",
    }
  `)
})

test('the errors of a client preamble have these texts', () => {
  const headers = { authorization: 'Bearer secret' }
  const text = thrownBy(() => clientPreambleOptions.read({ headers } as never, 'preamble'))

  expect(text).toMatchInlineSnapshot(`"option "preamble.headers" must be a function"`)
})
