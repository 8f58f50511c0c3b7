import { join } from 'node:path'
import {
  automatic,
  http,
  legacyOnly,
  modern,
  ourFormats,
  stateless,
  stdio,
  tcp,
  theirFormats,
  unix,
  without,
} from '../ends.js'
import { copyProgram, run } from '../install.js'
import type { Peer } from '../peer.js'

/** The Rust SDK. It has no HTTP+SSE. */
export const rust: Peer = {
  id: 'rust',
  label: 'Rust, rmcp 3.11.0',
  install: (folder) => {
    const source = copyProgram('rust', folder)
    run('cargo', ['build', '--locked', '--quiet'], source)
    return { argv: [join(source, 'target/debug/peer')] }
  },
  notes: [
    'Its client starts a task for each notification. On several threads progress is handled in any order. One thread is ' +
      'used.',
  ],
  clients: [
    stdio,
    ...ourFormats,
    tcp,
    unix,
    ...[stdio, ...ourFormats, tcp, unix].map((end) => modern('args', end)),
    ...[stdio, http, legacyOnly, tcp, unix].map((end) => automatic('args', end)),
  ],
  servers: [
    stdio,
    // Its JSON responses need a server without sessions.
    ...theirFormats.map((end) => (end === http ? end : without(end, 'sample'))),
    stateless,
    tcp,
    unix,
    ...[stdio, ...theirFormats, tcp, unix].map((end) => modern('ours', end)),
    ...[stdio, http, tcp, unix].map((end) => automatic('ours', end)),
  ],
}
