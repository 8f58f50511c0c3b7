import { request } from 'node:http'
import type { Socket } from 'node:net'

/** Asks the proxy on this port for a tunnel. */
export function openTunnel(proxyPort: number, target: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port: proxyPort, method: 'CONNECT', path: target })
    asking.once('connect', (_answer, socket) => resolve(socket as Socket))
    asking.once('error', reject)
    asking.end()
  })
}
