import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { serve } from '@mcpwire/core'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { bestByteStream } from '../floors/byte-stream.js'
import { type ManyConnections, scaleSuite } from '../harness/scale.js'
import type { Suite } from '../harness/suite.js'

const MANY = 10_000

/** One client process with all connections, one server process. */
export const suite: Suite<ManyConnections> = scaleSuite({
  name: 'scale-tcp',
  question: 'What do many connections cost, while 64 messages are in flight on them and while they are idle?',
  most: MANY,
  bare: {
    label: 'bare sockets',
    dial: async (port) => {
      const socket = connect(Number(port), '127.0.0.1').setNoDelay()
      await once(socket, 'connect')
      const wire = bestByteStream(socket, socket)
      await wire.start()
      // The floor does not wait for the close of the other end.
      wire.close = async () => {
        socket.end()
        await once(socket, 'close')
      }
      return wire
    },
    serve: async (accept) => {
      const server = createServer({ noDelay: true }, (socket) => {
        socket.on('error', () => {})
        void accept(bestByteStream(socket, socket))
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      return String((server.address() as AddressInfo).port)
    },
  },
  ours: {
    label: 'tcpClient, tcpServer',
    dial: async (address) => {
      const transport = tcpClient({ port: Number(new URL(address).port) })
      await transport.start()
      return transport
    },
    serve: async (accept) => {
      const listener = await serve(tcpServer({ port: 0, maxConnections: 2 * MANY }), accept)
      return listener.url
    },
  },
})
