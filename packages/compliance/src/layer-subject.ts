import type { Layer } from '@mcpwire/core'
import type { ClauseId } from './clauses.js'
import type { Ability, Side, TransportSubject } from './transport-subject.js'

/** The parts of a connection that a layer passes through. Name one in `exempt` if the layer changes it on purpose. */
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

/** The subject of the layer suite. */
export interface LayerSubject {
  /** Creates the layer, with options under which it passes everything through. */
  readonly layer: () => Layer
  /** The subject of the transport suite that runs through the layer. Default: the loopback. */
  readonly on?: TransportSubject
  /** The ends to put the layer around, one run of the suite each. Default: the near end. */
  readonly around?: readonly Side[]
  /** Tests that do not apply to this layer, with the reason. They are skipped. */
  readonly exempt?: Readonly<Partial<Record<ClauseId | Ability | LayerFact, string>>>
}
