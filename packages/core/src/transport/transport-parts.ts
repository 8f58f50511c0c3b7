import type { Connector, ProcessTraits } from '../contract/connector.js'
import type { JsonRpcMessage } from '../contract/message.js'
import type { Transport } from '../contract/transport.js'
import { ignore } from '../timing/promises.js'
import type { TransportSettings } from './transport-options.js'

/** The method that returns the parts of a transport. All copies of this package share the symbol. */
export const PARTS: unique symbol = Symbol.for('@mcpwire/TransportParts') as never

/** The parts of an idle transport, from which `withLayers` makes another one. */
export function partsOf(source: object): TransportParts | undefined {
  if (!(PARTS in source)) return undefined
  return (source as { [PARTS](): TransportParts | undefined })[PARTS]()
}

/** Whether `createTransport` made the transport, in any copy of this package. */
export function isOurs(source: object): source is Transport {
  return PARTS in source
}

/** A connector and the settings of the life cycle around it. */
export interface TransportParts {
  readonly connector: Connector
  readonly settings: TransportSettings
  /** Set for a transport with an observer. */
  readonly observed?: ObservedParts | undefined
}

interface ObservedParts {
  readonly observer: TransportObserver
  /** Makes that transport, of the same connector, the successor of this one. */
  readonly replace: (successor: Transport) => void
}

/**
 * The callbacks of a transport for its listener, without a layer in between (decision 018). None of them may throw.
 */
export interface TransportObserver {
  /** The connector starts to connect. */
  connecting(): void
  /** The connector with calls of this observer, for a transport that replaces the observed one. */
  around(connector: Connector): Connector
  /** Another transport replaces the observed one. */
  replaced(successor: Transport): void
  /** A message arrived. */
  received(message: JsonRpcMessage): void
  /** A message was passed to the channel. `accepted` settles when the medium has it; `undefined` after a throw. */
  sent(message: JsonRpcMessage, accepted: Promise<void> | undefined): void
  /** The transport has closed. Called after all other callbacks. */
  ended(): void
}

/** An observer of the end alone, for a transport whose messages are observed inside its layers. */
export function endOnly(observer: TransportObserver): TransportObserver {
  return {
    connecting: ignore,
    around: (connector) => connector,
    replaced: (successor) => observer.replaced(successor),
    received: ignore,
    sent: ignore,
    ended: () => observer.ended(),
  }
}

/**
 * Adds the members of transports with a child process. They are own accessors, not class members, because SDK v2 takes
 * any transport with both names for stdio.
 */
export function withProcessTraits(transport: Transport, traits: ProcessTraits): Transport {
  for (const name of ['stderr', 'pid'] as const)
    Object.defineProperty(transport, name, { get: () => traits[name], enumerable: true, configurable: true })
  return transport
}
