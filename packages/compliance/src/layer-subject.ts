import type { Layer } from '@mcpwire/core'
import type { ClauseId } from './clauses.js'
import type { Ability, Side, TransportSubject } from './transport-subject.js'

/** What a layer passes through. An exemption can name one where changing it is what the layer is for. */
export type LayerFact =
  | 'sendOptions'
  | 'outgoingMessages'
  | 'sendErrors'
  | 'contexts'
  | 'incomingMessages'
  | 'errors'
  | 'ends'
  | 'connectErrors'
  | 'abort'
  | 'close'
  | 'peer'
  | 'http'
  | 'flow'
  | 'traffic'
  | 'process'
  | 'connectsOnce'

/** A layer, as the layer suite needs to know it. */
export interface LayerSubject {
  /** Makes the layer anew, with options under which it lets everything pass. */
  readonly layer: () => Layer
  /** The medium the transport suite runs on, through the layer. The loopback without it. */
  readonly on?: TransportSubject
  /** The ends that get the layer, one run of the suite each. The near end without it. */
  readonly around?: readonly Side[]
  /** What does not apply to this layer, each with the reason. Shown as skipped. */
  readonly exempt?: Readonly<Partial<Record<ClauseId | Ability | LayerFact, string>>>
}
