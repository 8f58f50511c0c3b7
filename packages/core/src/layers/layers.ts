import type { Channel, Connector, HttpTraits, Layer, ProcessTraits, Sink } from '../contract/connector.js'
import { TransportError } from '../contract/errors.js'
import { invalidOption } from '../contract/options.js'
import type { Flow, Peer, Transport, TransportLike } from '../contract/transport.js'
import { attempt, ignore } from '../timing/promises.js'
import { createTransport, createWatchedTransport } from '../transport/create-transport.js'
import { callbackFailed, closedWhileConnecting } from '../transport/transport-errors.js'
import { isOurs, partsOf } from '../transport/transport-parts.js'
import { endOnly } from '../transport/transport-watch.js'

/**
 * Puts layers around a transport that was not started, or around a connector. The first layer is the outermost: it
 * sees an outgoing message first and an incoming one last.
 *
 * @throws TransportError `INVALID_OPTION` when the transport was started before
 */
export function withLayers(source: TransportLike | Connector, ...layers: Layer[]): Transport {
  const parts = partsOf(source)
  const connector = layered(parts?.connector ?? asConnector(source), layers)
  if (!parts?.watched) return createTransport(connector, parts?.settings)
  const { watch, replace } = parts.watched
  const transport = createWatchedTransport(connector, parts.settings, endOnly(watch))
  replace(transport)
  return transport
}

/** The connector with the layers around it. What a layer says nothing about stays as it was further in. */
export function layered(innermost: Connector, layers: readonly Layer[]): Connector {
  if (layers.length === 0) return innermost
  const inner = withFactsOf(innermost, { connect: connectGuarded(innermost) })
  return layers.reduceRight((next, layer) => withFactsOf(next, layer(next)), inner)
}

/** What a layer throws when it hears a message ends the conversation, not whoever reads from the medium. */
function connectGuarded(inner: Connector): Connector['connect'] {
  return async (sink, signal) => {
    let channel: Channel | undefined
    let failure: Error | undefined
    const fail = (cause: unknown): void => {
      if (failure) return
      failure = callbackFailed('layers', cause, 'a layer')
      if (!channel) return
      const { close } = channel
      attempt(() => close(failure)).catch(ignore)
      sink.end(failure)
    }
    const message: Sink['message'] = (heard, context) => {
      try {
        sink.message(heard, context)
      } catch (cause) {
        fail(cause)
      }
    }
    channel = await inner.connect({ ...sink, message }, signal)
    if (!failure) return channel
    await channel.close(failure)
    throw failure
  }
}

/** Not by spreading the outer one, which may be an instance of a class. */
function withFactsOf(inner: Connector, outer: Connector): Connector {
  const process = outer.process ?? inner.process
  const peer = outer.peer ?? inner.peer
  const sessionId = outer.sessionId ?? inner.sessionId
  const connectsOnce = outer.connectsOnce ?? inner.connectsOnce
  return {
    connect: (sink, signal) => outer.connect(sink, signal),
    ...(process && { process }),
    ...(peer && { peer }),
    ...(sessionId !== undefined && { sessionId }),
    ...(connectsOnce !== undefined && { connectsOnce }),
  }
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
  if (isOurs(transport) && transport.state !== 'idle') {
    invalidOption('transport', transport, 'one that was not started before')
  }
  const traits = processTraitsOf(transport)
  return { connect, connectsOnce: true, ...(traits && { process: traits }) }
}

/**
 * Makes a connector of a function that makes transports; it connects as often as wanted, each time with a new one.
 * A transport over it has no `stderr` and `pid`, even where those made have.
 */
export function fromFactory(make: () => TransportLike): Connector {
  return {
    connect: async (sink, signal) => {
      const made = make()
      const parts = partsOf(made)
      // Whoever watches over a transport has to see that one used.
      const connector = parts && !parts.watched ? parts.connector : fromTransport(made)
      return await connector.connect(sink, signal)
    },
  }
}

function asConnector(source: TransportLike | Connector): Connector {
  return 'connect' in source ? source : fromTransport(source)
}

async function channelOver(transport: TransportLike, sink: Sink, signal: AbortSignal): Promise<Channel> {
  signal.throwIfAborted()
  let isClosing = false
  let lastError: Error | undefined
  let hungUp: ((error: Error) => void) | undefined
  const close = (): Promise<void> => {
    isClosing = true
    return attempt(() => transport.close())
  }
  transport.onmessage = (message, context) => sink.message(message, context)
  transport.onerror = (error) => {
    lastError = error
    sink.error(error)
  }
  transport.onclose = () => {
    hungUp?.(lastError ?? closedWhileConnecting())
    if (isClosing) return
    // Only our own transports say how they ended; of others, the end itself is all that is known.
    if (isOurs(transport)) void transport.closed.then((reason) => sink.end(reason))
    else sink.end()
  }
  await new Promise<void>((resolve, reject) => {
    hungUp = reject
    const abort = (): void => {
      close()
        .catch(ignore)
        .finally(() => reject(signal.reason))
    }
    signal.addEventListener('abort', abort, { once: true })
    attempt(() => transport.start())
      .then(() => {
        if (!isClosing) resolve()
        // Whatever it opened after it was told to close.
        else close().catch(ignore)
      }, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
  hungUp = undefined
  const given: TransportLike & { readonly peer?: Peer | undefined; readonly flow?: Flow | undefined } =
    transport
  return {
    get peer() {
      return given.peer ?? anonymousPeer
    },
    send: (message, options) => transport.send(message, options),
    close,
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
