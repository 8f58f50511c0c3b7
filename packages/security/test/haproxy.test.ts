import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { until } from '@mcpwire/compliance'
import { allowAll, type RefusedCaller, type Transport } from '@mcpwire/core'
import { tcpServer } from '@mcpwire/tcp'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { runHaproxy } from '@mcpwire/test-support/haproxy'
import { haproxyProgram, missing } from '@mcpwire/test-support/system-packages'
import { expect, onTestFinished, test } from 'vitest'
import { remoteIn } from '../src/index.js'
import { proxyProtocol } from '../src/node/index.js'

const TIMEOUT_MS = 300_000
const WAIT_MS = 30_000
/** The address of the caller, which is neither that of HAProxy nor of the server. */
const CALLER = '127.0.0.9'
const MESSAGE = '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'

const authority = createAuthority('test authority')
const certificate = authority.issue({ name: 'server', names: ['localhost', '127.0.0.1'] })

test.for([
  ['send-proxy', false],
  ['send-proxy', true],
  ['send-proxy-v2', false],
  ['send-proxy-v2', true],
  ['send-proxy-v2 proxy-v2-options crc32c,unique-id', true],
] as const)(
  'serves the caller behind HAProxy with %s, TLS %s',
  { timeout: TIMEOUT_MS },
  async ([options, isSecure], { skip }) => {
    const why = missing(haproxyProgram)
    if (why !== undefined) skip(why)
    const connections: Transport[] = []
    const messages: unknown[] = []
    const listener = tcpServer({
      port: 0,
      gate: remoteIn([CALLER]),
      proxyProtocol: proxyProtocol(['127.0.0.1']),
      ...(isSecure && { tls: certificate }),
    })
    const refused: RefusedCaller[] = []
    listener.onrefused = (caller) => refused.push(caller)
    listener.onconnection = (connection) => {
      connections.push(connection)
      connection.onmessage = (message) => messages.push(message)
      connection.start().catch(() => {})
    }
    onTestFinished(() => listener.close())
    await listener.start()
    const port = await runHaproxy(Number(new URL(listener.address ?? '').port), options)

    const dial = async (localAddress: string): Promise<number | undefined> => {
      const raw = connect({ port, host: '127.0.0.1', localAddress })
      onTestFinished(() => void raw.destroy())
      await once(raw, 'connect')
      const { localPort } = raw
      const end = isSecure
        ? connectTls({ socket: raw, ca: authority.cert, servername: 'localhost', ALPNProtocols: ['mcp'] })
        : raw
      end.on('error', () => {}).resume()
      end.write(MESSAGE)
      return localPort
    }
    const localPort = await dial(CALLER)
    await until(() => messages.length === 1, 'the message arrived', WAIT_MS)
    const scheme = isSecure ? 'tcps' : 'tcp'
    expect(connections[0]?.peer?.address).toBe(`${scheme}://${CALLER}:${localPort}`)

    const otherPort = await dial('127.0.0.10')
    const address = `${scheme}://127.0.0.10:${otherPort}`
    await until(() => refused.some((each) => each.address === address), 'another was refused', WAIT_MS)
    expect(refused.find((each) => each.address === address)).toMatchObject({ status: 403 })
    expect(connections).toHaveLength(1)
  },
)

test('refuses HAProxy without a header', { timeout: TIMEOUT_MS }, async ({ skip }) => {
  const why = missing(haproxyProgram)
  if (why !== undefined) skip(why)
  const listener = tcpServer({ port: 0, gate: allowAll(), proxyProtocol: proxyProtocol(['127.0.0.1']) })
  const refused: RefusedCaller[] = []
  listener.onrefused = (caller) => refused.push(caller)
  onTestFinished(() => listener.close())
  await listener.start()
  const port = await runHaproxy(Number(new URL(listener.address ?? '').port), '')
  const socket = connect({ port, host: '127.0.0.1', localAddress: CALLER })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {}).write(`PROXY TCP4 ${CALLER}`)
  socket.end(' forged\r\n')
  await until(() => refused.length === 1, 'the caller was refused', WAIT_MS)
  expect(refused).toMatchObject([{ status: 400 }])
})
