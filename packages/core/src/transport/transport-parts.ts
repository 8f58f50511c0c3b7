import type { Clock } from '../contract/clock.js'
import type { Connector } from '../contract/connector.js'
import type { Transport } from '../contract/transport.js'
import type { TransportWatch } from './transport-watch.js'

/** The name of the method that tells what a transport was made of. Shared by duplicate copies of this package. */
export const PARTS: unique symbol = Symbol.for('@mcpwire/TransportParts') as never

/** What a transport was made of, while it is idle and so can be made anew. For `withLayers`. */
export function partsOf(source: object): TransportParts | undefined {
  if (!(PARTS in source)) return undefined
  return (source as { [PARTS](): TransportParts | undefined })[PARTS]()
}

/** Whether it was made by `createTransport`, of this copy of the package or another. */
export function isOurs(source: object): source is Transport {
  return PARTS in source
}

/** A connector and the settings of the life cycle around it. */
export interface TransportParts {
  readonly connector: Connector
  readonly settings: TransportSettings
  /** Set where somebody watches over the transport. */
  readonly watched?: WatchedParts | undefined
}

/** What makes of another transport the one that is watched over. */
interface WatchedParts {
  readonly watch: TransportWatch
  /** Called with the transport that was made of the parts: what is done to the one they are of is done to it. */
  readonly replace: (successor: Transport) => void
}

/** The settings of the life cycle. */
export interface TransportSettings {
  readonly closeTimeoutMs: number
  readonly clock: Clock
}
