import type { Channel, Connector, HttpTraits, Layer, ProcessTraits, Sink } from '../contract/connector.js'
import { TransportError } from '../contract/errors.js'
import { list, requireTransport, rule } from '../contract/option-rules.js'
import type { OptionRule } from '../contract/option-table.js'
import { invalidOption, rejectOption } from '../contract/options.js'
import type { Flow, Peer, Transport, TransportLike } from '../contract/transport.js'
import { attempt, ignore, onAbort } from '../timing/promises.js'
import { createObservedTransport, createTransport } from '../transport/create-transport.js'
import { callbackFailed, closedWhileStarting } from '../transport/transport-errors.js'
import { endOnly, isOurs, partsOf } from '../transport/transport-parts.js'

/**
 * Makes a transport with layers around an idle transport or a connector. The first layer is the outermost: outgoing
 * messages pass it first, incoming ones last.
 *
 * @throws TransportError `INVALID_OPTION` when the transport was started before
 *
 * @example
 * ```ts
 * const counts = meter()
 * const transport = withLayers(tcpClient({ port: 7000 }), counts.layer, tap({ onError: console.error }))
 * ```
 */
export function withLayers(source: TransportLike | Connector, ...layers: Layer[]): Transport {
  if (!isConnector(source)) requireTransport('source', source)
  layerList.check('layers', layers)
  const parts = partsOf(source)
  const connector = layered(parts?.connector ?? asConnector(source), layers)
  if (!parts?.observed) return createTransport(connector, parts?.settings)
  const { observer, replace } = parts.observed
  const transport = createObservedTransport(connector, parts.settings, endOnly(observer))
  replace(transport)
  return transport
}

/** A list of layers, outermost first. */
export const layerList: OptionRule<readonly Layer[], undefined> = list(
  rule<Layer>((option, value) => {
    if (typeof value === 'function') return
    const { layer } = (value ?? {}) as { layer?: unknown }
    if (typeof layer !== 'function') rejectOption(option, 'a function')
    const hint = 'pass the member "layer" of this object'
    throw new TransportError('INVALID_OPTION', `option "${option}" must be a function`, { option, hint })
  }),
)

/** The connector with the layers around it. Members that a layer leaves out are those of the inner connector. */
export function layered(innermost: Connector, layers: readonly Layer[]): Connector {
  if (layers.length === 0) return innermost
  const inner = withFactsOf(innermost, { connect: connectGuarded(innermost) })
  return layers.reduceRight((next, layer) => withFactsOf(next, layer(next)), inner)
}

/** An error of a layer during the delivery of a message ends the conversation, not the reader of the medium. */
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
    const message: Sink['message'] = (received, context) => {
      try {
        sink.message(received, context)
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

/** The outer connector may be an instance of a class, so that spreading it is not safe. */
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
 * Makes a connector of an idle transport, such as one of an MCP SDK. It connects once.
 *
 * @throws TransportError `INVALID_OPTION` when the transport is of these packages and was started before
 *
 * @example
 * ```ts
 * const connector = fromTransport(new StdioClientTransport({ command: 'server' }))
 * ```
 */
export function fromTransport(transport: TransportLike): Connector {
  requireTransport('transport', transport)
  let isUsed = false
  const connect: Connector['connect'] = async (sink, signal) => {
    if (isUsed) {
      const message = 'this transport connects only once: use fromFactory(() => …) to connect again'
      throw new TransportError('ALREADY_STARTED', message, undefined)
    }
    isUsed = true
    return await channelOver(transport, sink, signal)
  }
  if (isOurs(transport) && transport.state !== 'idle') {
    invalidOption('transport', transport, 'one that was not started before')
  }
  const traits = processTraitsOf(transport)
  return { connect, connectsOnce: true, ...(traits && { process: traits }) }
}

/**
 * Makes a connector of a function that makes transports. Each connection uses a new one. A transport over the connector
 * has no `stderr` and `pid`.
 *
 * @example
 * ```ts
 * const connector = fromFactory(() => new StdioClientTransport({ command: 'server' }))
 * ```
 */
export function fromFactory(make: () => TransportLike): Connector {
  return {
    connect: async (sink, signal) => {
      const made = make()
      const parts = partsOf(made)
      // An observed transport must be used itself.
      const connector = parts && !parts.observed ? parts.connector : fromTransport(made)
      return await connector.connect(sink, signal)
    },
  }
}

function asConnector(source: TransportLike | Connector): Connector {
  return isConnector(source) ? source : fromTransport(source)
}

function isConnector(source: TransportLike | Connector): source is Connector {
  return typeof (source as Partial<Connector> | undefined | null)?.connect === 'function'
}

async function channelOver(transport: TransportLike, sink: Sink, signal: AbortSignal): Promise<Channel> {
  signal.throwIfAborted()
  let isClosing = false
  let lastError: Error | undefined
  let failStart: ((error: Error) => void) | undefined
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
    failStart?.(lastError ?? closedWhileStarting())
    if (isClosing) return
    // Other transports report no reason for their end.
    if (isOurs(transport)) void transport.closed.then((reason) => sink.end(reason))
    else sink.end()
  }
  await new Promise<void>((resolve, reject) => {
    failStart = reject
    const unsubscribe = onAbort(signal, () => {
      close()
        .catch(ignore)
        .finally(() => reject(signal.reason))
    })
    attempt(() => transport.start())
      .then(() => {
        if (!isClosing) resolve()
        // It has opened after close() was called.
        else close().catch(ignore)
      }, reject)
      .finally(unsubscribe)
  })
  failStart = undefined
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
