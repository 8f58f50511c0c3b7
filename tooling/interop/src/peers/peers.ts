import type { Peer } from '../peer.js'
import { go } from './go.js'
import { java } from './java.js'
import { fastmcp, mcp1, mcp2 } from './python.js'
import { bun, deno } from './runtimes.js'
import { rust } from './rust.js'

/** Every peer of the matrix, in its order. */
export const peers: readonly Peer[] = [mcp1, mcp2, fastmcp, go, rust, java, ...bun, ...deno]
