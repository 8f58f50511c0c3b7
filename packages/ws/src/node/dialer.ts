import type { IncomingMessage } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls'
import { type ErrorAdvice, TransportError } from '@mcpwire/core'
import { onAbort, refusalError } from '@mcpwire/core/authoring'
import {
  connectAdvice,
  createMessageDeadlines,
  describeTlsError,
  loadTlsEnd,
  type MessageDeadlines,
  type TlsEnd,
  tlsFactsOf,
} from '@mcpwire/core/node'
import { type ClientOptions, WebSocket } from 'ws'
import type { CreateDialer, DialerOptions, FrameSocket, Opening } from '../frame-socket.js'
import { type RefusalResponse, readRefusal } from './http-refusal.js'
import { libraryOptions } from './library-options.js'
import { wsFrames } from './ws-frames.js'

/** Opens connections with the `ws` library, on sockets that this file creates. */
export const createDialer: CreateDialer = (options) => {
  const { tls = {} } = options
  const end = loadTlsEnd(tls)
  const messageDeadlines = createMessageDeadlines(options.messageTimeoutMs, options.clock)
  const target = { ...options, end, serverName: tls.serverName, messageDeadlines }
  return (opening, signal) => dial(target, opening, signal)
}

interface Target extends DialerOptions {
  readonly end: TlsEnd
  readonly serverName: string | undefined
  readonly messageDeadlines: MessageDeadlines | undefined
}

function dial(target: Target, opening: Opening, signal: AbortSignal): Promise<FrameSocket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const created: { socket?: Socket } = {}
    const ws = new WebSocket(target.url, [...opening.subprotocols], clientOptions(target, opening, created))
    const onresponse = (_request: unknown, response: IncomingMessage): void => {
      void readRefusal(response).then((refusal) => fail(handshakeRefused(target.address, refusal)))
    }
    const fail = (reason: unknown): void => {
      unsubscribe()
      reject(reason)
      ws.terminate()
      created.socket?.destroy()
    }
    const onerror = (cause: Error): void => fail(connectFailed(target, cause))
    const unsubscribe = onAbort(signal, () => fail(signal.reason))
    // Stays until the frames have a listener: `terminate()` while connecting emits an error too.
    ws.on('error', onerror)
    ws.once('unexpected-response', onresponse)
    ws.once('open', () => {
      unsubscribe()
      const socket = created.socket as Socket
      const tls = 'getPeerX509Certificate' in socket ? { tls: tlsFactsOf(socket as TLSSocket) } : {}
      const { address, maxMessageBytes, deflate, clock, messageDeadlines } = target
      const limits = { address, maxMessageBytes, deflate, clock, messageDeadlines }
      const frames = wsFrames(ws, socket, { ...limits, isClient: true, ...tls })
      // The WebSocket lives on, and the listeners would retain this closure.
      ws.off('error', onerror).off('unexpected-response', onresponse)
      resolve(frames)
    })
  })
}

function clientOptions(target: Target, { headers }: Opening, created: { socket?: Socket }): ClientOptions {
  return {
    ...libraryOptions(target),
    headers: { ...headers },
    followRedirects: false,
    createConnection: ((where: { host: string; port: number }) => {
      created.socket = connectTo(where, target)
      return created.socket
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
    // Overrides NODE_TLS_REJECT_UNAUTHORIZED=0.
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    // SNI allows names and no addresses (RFC 6066, section 3). The certificate is verified for both.
    ...(isIP(name) === 0 && { servername: name }),
  })
  return socket.setNoDelay(true)
}

/** The statuses that a gate refuses with. */
const REFUSAL_STATUSES: readonly number[] = [401, 403, 421, 429, 503]

function handshakeRefused(address: string, refusal: RefusalResponse): Error {
  const { status, reason } = refusal
  if (REFUSAL_STATUSES.includes(status)) return refusalError(address, refusal)
  const message = `cannot connect to ${address}: the handshake got status ${status} (${reason})`
  const hint = status === 404 ? { hint: 'check the path in option "url"' } : {}
  return new TransportError('CONNECT_FAILED', message, { address, option: 'url', ...hint })
}

const NO_TLS = describeTlsError('ERR_SSL_WRONG_VERSION_NUMBER')?.reason

/** The error for a WebSocket that did not open, with a hint where the cause is known. */
function connectFailed({ url, address }: Target, cause: NodeJS.ErrnoException): Error {
  const { why, ...advice } = diagnose(cause, url.protocol === 'wss:')
  const message = `cannot connect to ${address}: ${why}`
  return new TransportError('CONNECT_FAILED', message, { address, option: 'url', ...advice }, { cause })
}

function diagnose(cause: NodeJS.ErrnoException, isSecure: boolean): { why: string } & ErrorAdvice {
  const meaning = describeTlsError(cause)?.reason
  if (meaning !== undefined)
    return { why: meaning, ...(meaning === NO_TLS && { hint: 'try ws:// in option "url"' }) }
  if (cause.message === 'socket hang up') {
    const why = 'the server disconnected before a response'
    return { why, ...(!isSecure && { hint: 'if it uses TLS, use wss:// in option "url"' }) }
  }
  // An AggregateError has no message of its own. A message of OpenSSL has several lines.
  const text = cause.message === '' ? String(cause.code) : cause.message.replace(/\s+/g, ' ').trim()
  return { why: text, ...connectAdvice(cause, { host: 'url', port: 'url' }) }
}
