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
  theirFormats,
  theirHttpSse,
  without,
  ws,
} from '../ends.js'
import { copyProgram, run } from '../install.js'
import type { Peer } from '../peer.js'

/** A Python package, its program, and the packages to install. */
interface PythonPackage extends Pick<Peer, 'id' | 'label' | 'clients' | 'servers'> {
  readonly program: string
  readonly packages: readonly string[]
}

/** A peer in a virtual environment of its own. */
function python({ program, packages, ...peer }: PythonPackage): Peer {
  return {
    ...peer,
    install: (folder) => {
      const environment = join(folder, peer.id)
      const interpreter = join(environment, 'bin/python')
      run('python3', ['-m', 'venv', environment])
      run(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages])
      return { argv: [interpreter, join(copyProgram('python', folder), program)] }
    },
  }
}

const LISTENED = [...ourFormats, ourHttpSse]
const SERVED = [...theirFormats, stateless, theirHttpSse]

/** The official SDK, line 1. */
export const mcp1 = python({
  id: 'python-1',
  label: 'Python, mcp 1.30.0',
  program: 'mcp1.py',
  packages: ['mcp==1.30.0', 'websockets==15.0.1'],
  clients: [stdio, ...LISTENED, ws],
  servers: [stdio, ...SERVED, ws],
})

/** The official SDK, line 2. */
export const mcp2 = python({
  id: 'python-2',
  label: 'Python, mcp 2.3.0',
  program: 'mcp2.py',
  packages: ['mcp==2.3.0'],
  clients: [
    stdio,
    ...LISTENED,
    ...[stdio, ...ourFormats].map((end) => modern('args', end)),
    ...[stdio, http, legacyOnly].map((end) => automatic('args', end)),
  ],
  servers: [
    stdio,
    ...SERVED,
    ...[stdio, ...theirFormats].map((end) => modern('ours', end)),
    ...[stdio, http].map((end) => automatic('ours', end)),
  ],
})

/** The framework, which has its own transports and chooses the revision itself. It has no sampling. */
export const fastmcp = python({
  id: 'fastmcp',
  label: 'Python, fastmcp 4.2.3',
  program: 'fastmcp4.py',
  packages: ['fastmcp==4.2.3'],
  clients: [stdio, ...LISTENED, legacyOnly].map((end) => without(end, 'sample')),
  servers: [stdio, ...SERVED, modern('ours', stdio), modern('ours', http)].map((end) =>
    without(end, 'sample'),
  ),
})
