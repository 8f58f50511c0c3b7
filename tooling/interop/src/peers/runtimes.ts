import { fileURLToPath } from 'node:url'
import {
  automatic,
  http,
  legacyOnly,
  modern,
  ourFormats,
  ourHttpSse,
  stdio,
  tcp,
  unix,
  without,
  ws,
} from '../ends.js'
import { run } from '../install.js'
import type { Peer } from '../peer.js'

const program = fileURLToPath(new URL('../ours/program.js', import.meta.url))

/** Another JavaScript runtime, which runs our transports with one SDK line. */
function runtime(
  id: string,
  label: string,
  npmPackage: string,
  command: (bin: string) => readonly string[],
): readonly Peer[] {
  const wires = [stdio, ...ourFormats, ourHttpSse, ws, tcp, unix]
  const linesOf = {
    v1: wires,
    v2: [
      ...wires,
      ...[stdio, http, ws, tcp, unix].map((end) => modern('args', end)),
      automatic('args', legacyOnly),
    ],
  }
  return (['v1', 'v2'] as const).map((sdk) => ({
    id: `${id}-${sdk}`,
    label: `${label}, our transports with SDK ${sdk}`,
    install: (folder) => {
      run('npm', ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', npmPackage])
      return { argv: [...command(`${folder}/node_modules/.bin/${id}`), program, '--sdk', sdk] }
    },
    clients: linesOf[sdk],
    servers: [stdio, ...ourFormats.map(servedWith), servedWith(ourHttpSse), ws, tcp, unix],
  }))
}

/** The options of our own end, given to the runtime's server. */
function servedWith({ ours, ...end }: (typeof ourFormats)[number]): (typeof ourFormats)[number] {
  return ours === undefined ? end : without({ ...end, args: ours, label: end.label.replace('our', 'their') })
}

export const bun: readonly Peer[] = runtime('bun', 'Bun 1.4.4', 'bun@1.4.4', (bin) => [bin])
export const deno: readonly Peer[] = runtime('deno', 'Deno 2.9.6', 'deno@2.9.6', (bin) => [
  bin,
  'run',
  '-A',
  '--node-modules-dir=manual',
])
