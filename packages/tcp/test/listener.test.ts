import { describeListener, unfinishedMessage } from '@mcpwire/compliance'
import type { Transport } from '@mcpwire/core'
import { type TcpClientOptions, type TcpServerOptions, tcpClient, tcpServer } from '../src/index.js'
import { mutualTls, tls } from './support/credentials.js'
import { portOf } from './support/ends.js'

describeServer('tcp', {}, {})
describeServer('tcp with a preamble', { preamble: {} }, {})
describeServer('tcp under TLS', { tls: tls.server }, { tls: tls.client })
describeServer(
  'tcp under mutual TLS with a preamble',
  { tls: mutualTls.server, preamble: {} },
  { tls: mutualTls.client },
)

function describeServer(
  name: string,
  server: Partial<TcpServerOptions>,
  client: Partial<TcpClientOptions>,
): void {
  const connect = (port: number, headers = {}): Transport =>
    tcpClient({
      port,
      // Some cases leave connections unstarted, whose clients wait that long for the end of the server.
      closeTimeoutMs: 200,
      ...client,
      ...(server.preamble && { preamble: { headers: () => headers } }),
    })
  describeListener(name, {
    ...(!server.preamble && { exempt: { headers: 'there are no headers without a preamble' } }),
    listen: (options) => tcpServer({ port: 0, ...server, ...options }),
    connect: (listener, { headers }) => connect(portOf(listener), headers),
    holdBytes: (listener, bytes) =>
      unfinishedMessage({ to: { port: portOf(listener), host: '127.0.0.1' }, connect, bytes }),
    beyondThisHost: (options) => tcpServer({ port: 0, host: '0.0.0.0', ...server, ...options }),
    sameAddress: (listener, options) => tcpServer({ port: portOf(listener), ...server, ...options }),
  })
}
