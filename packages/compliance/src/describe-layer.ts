import { type Transport, withLayers } from '@mcpwire/core'
import { describe, test } from 'vitest'
import { describeTransport } from './describe-transport.js'
import { layerCases } from './layer-cases.js'
import type { LayerSubject } from './layer-subject.js'
import { loopback } from './loopback.js'
import type { LoneTransport, PairOptions, Side, TransportSubject } from './transport-subject.js'

/**
 * Registers the layer suite with vitest: the transport suite through the layer, and tests of every pass-through.
 *
 * @example
 * ```ts
 * describeLayer('meter', { layer: () => meter().layer })
 * ```
 */
export function describeLayer(name: string, subject: LayerSubject): void {
  const { around = ['near'], on = loopback } = subject
  for (const side of around) {
    describeTransport(`a transport with ${name} around its ${side} end`, throughLayer(on, subject, side))
  }
  describe.sequential(`${name} keeps the contract of a layer`, () => {
    for (const { fact, title, run } of layerCases) {
      test(title, async ({ skip }) => {
        const reason = subject.exempt?.[fact]
        if (reason !== undefined) skip(`${fact}: ${reason}`)
        await run(subject.layer())
      })
    }
  })
}

/** The transport subject with the layer around one end of each pair. */
function throughLayer(
  on: TransportSubject,
  { layer, exempt = {} }: LayerSubject,
  side: Side,
): TransportSubject {
  const wrap = (transport: Transport): Transport => withLayers(transport, layer())
  const { create } = on
  return {
    ...on,
    exempt: { ...on.exempt, ...exempt },
    pair: async (options) => {
      const pair = await on.pair(options)
      if (side === 'near') return { ...pair, near: wrap(pair.near) }
      return { ...pair, far: pair.far instanceof Promise ? pair.far.then(wrap) : wrap(pair.far) }
    },
    ...(create && { create: (overlay: Readonly<Record<string, unknown>>) => wrap(create(overlay)) }),
    ...wrapLone('unreachable', on, wrap),
    ...wrapLone('hangsUpDuringStart', on, wrap),
    ...wrapLone('neverConnects', on, wrap),
  }
}

function wrapLone(
  kind: 'unreachable' | 'hangsUpDuringStart' | 'neverConnects',
  on: TransportSubject,
  wrap: (transport: Transport) => Transport,
): Partial<TransportSubject> {
  const make = on[kind]
  if (!make) return {}
  return {
    [kind]: async (options: PairOptions): Promise<LoneTransport> => {
      const lone = await make(options)
      return { ...lone, transport: wrap(lone.transport) }
    },
  }
}
