import type { Channel, Connector, HttpTraits, Layer, ProcessTraits, Sink } from './connector.js'
import { createTransport, partsOf } from './create-transport.js'
import { TransportError } from './errors.js'
import { invalidOption } from './options.js'
import type { Flow, Peer, Transport, TransportLike } from './transport.js'

/**
 * Puts layers around a transport that was not started, or around a connector. The first layer is the outermost: it
 * sees an outgoing message first and an incoming one last.
 *
 * @throws TransportError `INVALID_OPTION` when the transport was started before
 */
export function withLayers(source: TransportLike | Connector, ...layers: Layer[]): Transport {
  const parts = partsOf(source)
  const innermost = parts?.connector ?? asConnector(source)
  const layered = layers.reduceRight((next, layer) => layer(next), innermost)
  const connector = innermost.process ? { process: innermost.process, ...layered } : layered
  return createTransport(connector, parts?.settings)
}

/**
 * Makes a connector of a transport that was not started, such as one of an MCP SDK. It connects once.
 *
 * @throws TransportError `INVALID_OPTION` when the transport is one of ours and was started before
 */
export function fromTransport(transport: TransportLike): Connector {
  let isSpent = false
  const connect: Connector['connect'] = async (sink, signal) => {
    if (isSpent) {
      const message = 'this transport connects only once; pass fromFactory(() => …) to connect again'
      throw new TransportError('ALREADY_STARTED', message, undefined)
    }
    isSpent = true
    return await channelOver(transport, sink, signal)
  }
  if ('state' in transport && transport.state !== 'idle') {
    invalidOption('transport', transport, 'one that was not started before')
  }
  const traits = processTraitsOf(transport)
  return { connect, connectsOnce: true, ...(traits && { process: traits }) }
}

/** Makes a connector of a function that makes transports; it connects as often as wanted, each time with a new one. */
export function fromFactory(make: () => TransportLike): Connector {
  return {
    connect: async (sink, signal) => {
      const made = make()
      const connector = partsOf(made)?.connector ?? fromTransport(made)
      return await connector.connect(sink, signal)
    },
  }
}

function asConnector(source: TransportLike | Connector): Connector {
  return 'connect' in source ? source : fromTransport(source)
}

async function channelOver(transport: TransportLike, sink: Sink, signal: AbortSignal): Promise<Channel> {
  const given = transport as TransportLike & {
    readonly peer?: Peer
    readonly flow?: Flow
    closed?: Promise<unknown>
  }
  let isClosing = false
  let lastError: Error | undefined
  let hungUp: ((error: Error) => void) | undefined
  transport.onmessage = (message, context) => sink.message(message, context)
  transport.onerror = (error) => {
    lastError = error
    sink.error(error)
  }
  transport.onclose = () => {
    hungUp?.(
      lastError ?? new TransportError('CONNECT_FAILED', 'closed while connecting', { address: 'transport' }),
    )
    if (isClosing) return
    // Only our own transports say how they ended; of others, the end itself is all that is known.
    const closed = given.closed as Promise<Error | undefined> | undefined
    if (closed) closed.then((reason) => sink.end(reason))
    else sink.end()
  }
  await new Promise<void>((resolve, reject) => {
    hungUp = reject
    const abort = (): void => {
      isClosing = true
      transport.close().then(
        () => reject(signal.reason),
        () => reject(signal.reason),
      )
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    transport
      .start()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
  hungUp = undefined
  return {
    get peer() {
      return given.peer ?? anonymousPeer
    },
    send: (message, options) => transport.send(message, options),
    close: async () => {
      isClosing = true
      await transport.close()
    },
    ...(given.flow && { flow: given.flow }),
    http: httpTraitsOf(transport),
  }
}

const anonymousPeer: Peer = Object.freeze({ medium: 'other', address: 'transport' })

function httpTraitsOf(transport: TransportLike): HttpTraits {
  return {
    get sessionId() {
      return transport.sessionId
    },
    get hasPerRequestStream() {
      return transport.hasPerRequestStream ?? false
    },
    setProtocolVersion: (version) => transport.setProtocolVersion?.(version),
    setSupportedProtocolVersions: (versions) => transport.setSupportedProtocolVersions?.(versions),
  }
}

function processTraitsOf(transport: TransportLike): ProcessTraits | undefined {
  return 'stderr' in transport && 'pid' in transport ? (transport as unknown as ProcessTraits) : undefined
}
