import type { IncomingMessage } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls'
import { TransportError } from '@mcpwire/core'
import { refusalError } from '@mcpwire/core/authoring'
import { loadTlsEnd, type TlsEnd, tlsFactsOf } from '@mcpwire/core/node'
import { type ClientOptions, WebSocket } from 'ws'
import type { CreateDialer, DialerOptions, Opening } from '../dialer.js'
import type { FrameSocket } from '../frame-socket.js'
import { closeTimeout } from './close-timeout.js'
import { connectFailed } from './connect-failed.js'
import { deflateSettings } from './deflate-settings.js'
import { parseRefusal, type RefusalAnswer } from './http-refusal.js'
import { wsFrames } from './ws-frames.js'

/** Makes connections with the `ws` library, on sockets of our own making. */
export const createDialer: CreateDialer = (options) => {
  const { tls = {} } = options
  const end = loadTlsEnd(tls)
  return (opening, signal) => dial({ ...options, end, serverName: tls.serverName }, opening, signal)
}

interface Target extends DialerOptions {
  readonly end: TlsEnd
  readonly serverName: string | undefined
}

function dial(target: Target, opening: Opening, signal: AbortSignal): Promise<FrameSocket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const made: { socket?: Socket } = {}
    const ws = new WebSocket(target.url, [...opening.subprotocols], clientOptions(target, opening, made))
    const settled = (): void => signal.removeEventListener('abort', abort)
    const onresponse = (_request: unknown, response: IncomingMessage): void => {
      void parseRefusal(response).then((answer) => fail(refused(target.address, answer)))
    }
    const fail = (reason: unknown): void => {
      settled()
      reject(reason)
      ws.terminate()
      made.socket?.destroy()
    }
    const abort = (): void => fail(signal.reason)
    const onerror = (cause: Error): void => fail(connectFailed(target, cause))
    signal.addEventListener('abort', abort, { once: true })
    // Stays until the frames have their own: `terminate()` while connecting emits an error too.
    ws.on('error', onerror)
    ws.once('unexpected-response', onresponse)
    ws.once('open', () => {
      settled()
      const socket = made.socket as Socket
      const tls = 'getPeerX509Certificate' in socket ? { tls: tlsFactsOf(socket as TLSSocket) } : {}
      const { address, maxMessageBytes, deflate } = target
      const frames = wsFrames(ws, socket, { address, maxMessageBytes, deflate, isClient: true, ...tls })
      // It lives on, and would hold all this.
      ws.off('error', onerror).off('unexpected-response', onresponse)
      resolve(frames)
    })
  })
}

function clientOptions(target: Target, { headers }: Opening, made: { socket?: Socket }): ClientOptions {
  return {
    headers: { ...headers },
    maxPayload: target.maxMessageBytes,
    ...closeTimeout(target),
    followRedirects: false,
    autoPong: false,
    perMessageDeflate: deflateSettings(target.deflate),
    createConnection: ((where: { host: string; port: number }) => {
      made.socket = connectTo(where, target)
      return made.socket
    }) as ClientOptions['createConnection'],
  }
}

function connectTo({ host, port }: { host: string; port: number }, { url, end, serverName }: Target): Socket {
  if (url.protocol !== 'wss:') return connect({ host, port, noDelay: true })
  const name = serverName ?? host
  const socket = connectTls({
    ...end.current(),
    host,
    port,
    minVersion: end.minVersion,
    ALPNProtocols: ['http/1.1'],
    // Also where NODE_TLS_REJECT_UNAUTHORIZED is 0.
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    // A name, not an address, goes into the handshake (RFC 6066, section 3); both are verified.
    ...(isIP(name) === 0 && { servername: name }),
  })
  return socket.setNoDelay(true)
}

/** Says what is wrong with headers without showing their values, as Node would. */
function refused(address: string, answer: RefusalAnswer): Error {
  if ([401, 403, 421, 429, 503].includes(answer.status)) return refusalError(address, answer)
  const message = `cannot connect to ${address}: it answered ${answer.status} (${answer.reason}) to the upgrade`
  return new TransportError('CONNECT_FAILED', message, { address })
}
