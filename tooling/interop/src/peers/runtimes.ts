import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { automatic, http, legacyOnly, modern, ourFormats, ourHttpSse, stdio, tcp, unix, ws } from '../ends.js'
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
  const clients = [stdio, ...ourFormats, ourHttpSse, ws, tcp, unix]
  const servers = [stdio, ...ourFormats.map(servedWith), servedWith(ourHttpSse), ws, tcp, unix]
  const inBothEras = [stdio, http, ws, tcp, unix]
  const ends = {
    v1: { clients, servers },
    v2: {
      clients: [...clients, ...inBothEras.map((end) => modern('args', end)), automatic('args', legacyOnly)],
      servers: [...servers, ...inBothEras.map((end) => modern('ours', end))],
    },
  }
  return (['v1', 'v2'] as const).map((sdk) => ({
    id: `${id}-${sdk}`,
    label: `${label}, our transports with SDK ${sdk}`,
    install: (folder) => {
      // A folder of its own: npm removes what it does not install.
      const home = join(folder, id)
      mkdirSync(home, { recursive: true })
      run('npm', ['install', '--prefix', home, '--no-save', '--no-audit', '--no-fund', npmPackage])
      return { argv: [...command(join(home, 'node_modules/.bin', id)), program, '--sdk', sdk] }
    },
    ...ends[sdk],
  }))
}

/** The options of our own end, given to the runtime's server. */
function servedWith({ ours, ...end }: (typeof ourFormats)[number]): (typeof ourFormats)[number] {
  return ours === undefined ? end : { ...end, args: ours, label: end.label.replace('our', 'their') }
}

export const bun: readonly Peer[] = runtime('bun', 'Bun 1.4.4', 'bun@1.4.4', (bin) => [bin])
export const deno: readonly Peer[] = runtime('deno', 'Deno 2.9.6', 'deno@2.9.6', (bin) => [
  bin,
  'run',
  '-A',
  '--node-modules-dir=manual',
])
