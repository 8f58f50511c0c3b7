import { createFakeClock, turns, until } from '@mcpwire/compliance'
import { refusedPort } from '@mcpwire/test-support/ports'
import { expect, test } from 'vitest'
import { type TcpClientOptions, type TcpServerOptions, tcpServer } from '../src/index.js'
import { mutualTls, serverCredential, stranger, tls } from './support/credentials.js'
import { bareServer, clientOf, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000

/** Ports differ between runs. */
function withoutPorts(text: string): string {
  return text.replace(/:\d{4,5}\b/g, ':PORT')
}

/** The texts of both ends of a connection that fails. */
async function failure(
  server: Partial<TcpServerOptions>,
  client: Partial<TcpClientOptions>,
): Promise<{ client: string; server: string }> {
  const { port, errors, connections } = await listening(server)
  const { transport } = clientOf({ port, ...client })
  const atClient = await transport.start().then(
    async () => {
      await transport.send({ jsonrpc: '2.0', id: 1, method: 'initialize' }).catch(() => {})
      return await transport.closed
    },
    (error: Error) => error,
  )
  await until(() => errors.length + connections.length > 0, 'the server has an error', TIMEOUT_MS)
  const atServer = errors[0] ?? (await connections[0]?.closed)
  return { client: withoutPorts(`${atClient?.message}`), server: withoutPorts(`${atServer?.message}`) }
}

test('the errors of start() have these texts', async () => {
  const textOf = async (start: Promise<void>): Promise<string> =>
    withoutPorts(String(await start.catch(({ message }: Error) => message)))
  const { port } = await listening()
  const silent = await bareServer(() => {})
  const clock = createFakeClock()
  const late = textOf(clientOf({ port: silent.port, tls: tls.client, clock }).transport.start())
  await turns(50)
  await clock.advance(10_000)

  expect({
    refused: await textOf(clientOf({ port: await refusedPort() }).transport.start()),
    late: await late,
    occupied: await textOf(tcpServer({ port }).start()),
    'without a gate': await textOf(tcpServer({ port: 0, host: '0.0.0.0' }).start()),
  }).toMatchInlineSnapshot(`
    {
      "late": "cannot connect to tcps://127.0.0.1:PORT: the connection took longer than connectTimeoutMs (10000 ms)",
      "occupied": "cannot listen on tcp://127.0.0.1:PORT: listen EADDRINUSE: address already in use 127.0.0.1:PORT; another program listens there: choose another port",
      "refused": "cannot connect to tcp://127.0.0.1:PORT: connect ECONNREFUSED 127.0.0.1:PORT; check that the server is running and that the port is correct",
      "without a gate": "option "gate" must be a Gate that checks each caller, because callers on other hosts can connect (allowAll() admits every client); or listen on 127.0.0.1; received undefined",
    }
  `)
  await silent.close()
})

test('the errors of TLS at both ends have these texts', async () => {
  const untrusted = stranger.issue({ name: 'server', names: ['127.0.0.1'] })
  const renamed = { ...tls.client, serverName: 'other.test' }

  expect({
    'untrusted server': await failure({ tls: untrusted }, { tls: tls.client }),
    'server with another name': await failure({ tls: serverCredential }, { tls: renamed }),
    'missing client certificate': await failure({ tls: mutualTls.server }, { tls: tls.client }),
    'server without TLS': await failure({}, { tls: tls.client }),
    'client without TLS': await failure({ tls: tls.server }, {}),
  }).toMatchInlineSnapshot(`
    {
      "client without TLS": {
        "client": "lost tcp://127.0.0.1:PORT: the connection closed without a response; check whether the server requires TLS: see option "tls"",
        "server": "TLS handshake with 127.0.0.1 failed: it does not speak TLS",
      },
      "missing client certificate": {
        "client": "tcps://127.0.0.1:PORT refused the connection (401): a client certificate is required",
        "server": "tcps://127.0.0.1:PORT was refused: a client certificate is required",
      },
      "server with another name": {
        "client": "cannot connect to tcps://127.0.0.1:PORT: its certificate is for other names than option "tls.serverName"",
        "server": "tcps://127.0.0.1:PORT refused the connection (403): the certificate of the server was not accepted: its certificate is for other names than option "tls.serverName"",
      },
      "server without TLS": {
        "client": "cannot connect to tcps://127.0.0.1:PORT: it does not speak TLS",
        "server": "closed the connection to tcp://127.0.0.1:PORT: it speaks TLS instead of JSON-RPC messages in lines; use TLS at both ends or at neither",
      },
      "untrusted server": {
        "client": "cannot connect to tcps://127.0.0.1:PORT: its certificate comes from an unknown authority: if you trust it, add the certificate of the authority to option "tls.ca"",
        "server": "tcps://127.0.0.1:PORT refused the connection (403): the certificate of the server was not accepted: its certificate comes from an unknown authority: if you trust it, add the certificate of the authority to option "tls.ca"",
      },
    }
  `)
})

test('the errors of a preamble have these texts', async () => {
  expect(await failure({ preamble: {} }, {})).toMatchInlineSnapshot(`
    {
      "client": "tcp://127.0.0.1:PORT refused the connection (401): a preamble is required before the first message",
      "server": "tcp://127.0.0.1:PORT was refused: a preamble is required before the first message",
    }
  `)
})

test('the errors of a full pending queue have these texts', async () => {
  const { port, errors } = await listening({ preamble: {}, maxConnections: 1 })
  for (const { transport } of [clientOf({ port }), clientOf({ port })]) await transport.start()
  await until(() => errors.length > 0, 'the server has an error', TIMEOUT_MS)

  expect(errors[0]?.message.replace(/:\d+ /, ':PORT ')).toMatchInlineSnapshot(
    `"tcp://127.0.0.1:PORT was refused: maxConnections (1) newer connections wait for admission"`,
  )
})
