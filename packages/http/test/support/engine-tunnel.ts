import { request } from 'node:http'
import type { Socket } from 'node:net'

/** Opens a tunnel through the proxy on this port. */
export function openTunnel(proxyPort: number, target: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const connecting = request({ host: '127.0.0.1', port: proxyPort, method: 'CONNECT', path: target })
    connecting.once('connect', (_response, socket) => resolve(socket as Socket))
    connecting.once('error', reject)
    connecting.end()
  })
}
