import type { ProcessTraits } from '../contract/connector.js'
import type { Transport } from '../contract/transport.js'

/**
 * Adds what transports over a process have. As accessors of its own, not as members of a class: the v2 SDK takes any
 * transport that has both names for stdio.
 */
export function withProcessTraits(transport: Transport, traits: ProcessTraits): Transport {
  return Object.defineProperties(transport, {
    stderr: { get: () => traits.stderr, enumerable: true, configurable: true },
    pid: { get: () => traits.pid, enumerable: true, configurable: true },
  })
}
