import type { TransportPair } from '../transport-subject.js'
import type { TcpProxy } from './tcp-proxy.js'

/** What the transport suite does to a medium that is newline-delimited JSON over sockets, done by a fault proxy. */
export function lineHooks(
  proxy: TcpProxy,
): Required<Pick<TransportPair, 'sendRaw' | 'sendRawBytes' | 'sendUnfinished' | 'cut' | 'stall'>> {
  return {
    sendRaw: (to, piece) => proxy.inject(to, `${piece}\n`),
    sendRawBytes: (to, piece) => {
      proxy.inject(to, piece)
      proxy.inject(to, '\n')
    },
    sendUnfinished: (to, start) => proxy.inject(to, start),
    cut: () => proxy.reset(),
    stall: (side) => proxy.stall(side),
  }
}
