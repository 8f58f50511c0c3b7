import { join } from 'node:path'
import {
  automatic,
  http,
  legacyOnly,
  modern,
  ourFormats,
  ourHttpSse,
  stateless,
  stdio,
  tcp,
  theirFormats,
  theirHttpSse,
  unix,
} from '../ends.js'
import { copyProgram, run } from '../install.js'
import type { Peer } from '../peer.js'

/** The Go SDK. */
export const go: Peer = {
  id: 'go',
  label: 'Go, go-sdk 1.8.0',
  install: (folder) => {
    const source = copyProgram('go', folder)
    run('go', ['build', '-o', 'peer', '.'], source)
    return { argv: [join(source, 'peer')] }
  },
  clients: [
    stdio,
    ...ourFormats,
    ourHttpSse,
    tcp,
    unix,
    ...[stdio, ...ourFormats, tcp, unix].map((end) => modern('args', end)),
    ...[stdio, http, legacyOnly].map((end) => automatic('args', end)),
  ],
  servers: [
    stdio,
    ...theirFormats,
    stateless,
    theirHttpSse,
    tcp,
    unix,
    // Its HTTP server has 2026-07-28 only without sessions.
    ...[stdio, stateless, tcp, unix].map((end) => modern('ours', end)),
    ...[stdio, http, tcp].map((end) => automatic('ours', end)),
  ],
}
