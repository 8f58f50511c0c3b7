import type { Listener, Transport } from '@mcpwire/core'
import { invalidOption, rejectOption } from '@mcpwire/core/authoring'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import type { Endpoint, EndpointOptions, ListenOptions } from '../wire.js'

/** A transport to a server that listens on TCP: `tcp://host:port`, or `tcps://host:port` under TLS. */
export function connectTo(target: Endpoint, options: EndpointOptions): Transport {
  const { host, port, isSecure } = placeOf(target, 1)
  const { tls, maxMessageBytes, closeTimeoutMs } = options
  return tcpClient({ host, port, tls: tlsOf(isSecure, tls), maxMessageBytes, closeTimeoutMs })
}

/** A listener on TCP. Port 0 stands for one that is free. */
export function listenOn(url: string, options: ListenOptions): Listener {
  const { host, port, isSecure } = placeOf(url, 0)
  return tcpServer({ ...options, host, port, tls: tlsOf(isSecure, options.tls) })
}

/** Material without a scheme that uses it would be believed to protect something. */
function tlsOf<T extends object>(isSecure: boolean, given: T | undefined): T | undefined {
  if (!isSecure && given !== undefined) rejectOption('tls', 'left out for tcp://; TLS is tcps://')
  return isSecure ? (given ?? ({} as T)) : undefined
}

interface Place {
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
}

function placeOf(target: Endpoint, lowestPort: number): Place {
  const text = String(target)
  const url = typeof target === 'string' && URL.canParse(target) ? new URL(target) : undefined
  const port = Number(url?.port)
  const { pathname = '', search = '', hash = '', username = '', password = '' } = url ?? {}
  const isBare = pathname.replace('/', '') + search + hash + username + password === ''
  if (!url || !isBare || url.hostname === '' || url.port === '' || port < lowestPort) {
    return invalidOption('endpoint', text, 'tcp://host:port or tcps://host:port, and nothing more')
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, isSecure: url.protocol === 'tcps:' }
}
