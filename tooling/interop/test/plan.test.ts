import { expect, test } from 'vitest'
import { nameOf } from '../src/cell.js'
import { automatic, http, modern, ourFormats, stdio, tcp, unix, without, ws } from '../src/ends.js'
import type { Peer, PeerEnd } from '../src/peer.js'
import { peers } from '../src/peers/peers.js'
import { cellsOf } from '../src/plan.js'

const ours = { program: { argv: ['ours'] }, mcpwire: { argv: ['mcpwire'] } }

test('runs each end of a peer against both SDK lines', () => {
  const cells = cellsIn({ clients: [tcp], servers: [unix] }).filter(({ bridge }) => bridge === undefined)

  expect(cells.map(nameOf)).toEqual([
    'peer client | tcp, SDK v1',
    'peer server | unix, SDK v1',
    'peer client | tcp, SDK v2',
    'peer server | unix, SDK v2',
  ])
})

test('leaves out 2026-07-28 for the SDK line that has only sessions', () => {
  const cells = cellsIn({ clients: [modern('args', tcp)], servers: [modern('ours', tcp)] })

  expect(cells.map(nameOf)).toEqual([
    'peer client | tcp, 2026-07-28, SDK v2',
    'peer server | tcp, 2026-07-28, SDK v2',
  ])
})

test('keeps the automatic mode for both SDK lines', () => {
  const cells = cellsIn({ clients: [], servers: [automatic('ours', tcp)] })

  expect(cells.filter(({ bridge }) => bridge === undefined)).toHaveLength(2)
})

test('passes options and skipped checks to the program that needs them', () => {
  const json = { ...ourFormats[1] } as PeerEnd
  const [cell] = cellsIn({ clients: [without(json, 'error')], servers: [] })

  expect(cell?.client.argv).toEqual([
    'peer',
    'client',
    'http',
    '--skip',
    'progress,sample,error',
    '--',
    '{target}',
  ])
  expect(cell?.server.argv).toEqual(['ours', 'server', 'http', '--sdk', 'v1', '--mode', 'json'])
})

test('puts the bridge between every wire and stdio, in both directions', () => {
  const ends = [stdio, http, ws, tcp, unix]
  const cells = cellsIn({ clients: ends, servers: ends }).filter(({ bridge }) => bridge !== undefined)

  expect(cells.map(nameOf)).toEqual([
    ...['http', 'ws', 'tcp', 'unix'].map((wire) => `peer client through the bridge | ${wire} to stdio`),
    'peer client through the bridge | stdio to http',
    'peer server behind the bridge | http to stdio',
    ...['http', 'ws', 'tcp', 'unix'].map((wire) => `peer server behind the bridge | stdio to ${wire}`),
  ])
})

test('keeps ends with a fault away from the bridge', () => {
  const cells = cellsIn({ clients: [{ ...tcp, peerFault: 'It lies.' }], servers: [] })

  expect(cells.map(({ bridge, peerFault }) => [bridge, peerFault])).toEqual([
    [undefined, 'It lies.'],
    [undefined, 'It lies.'],
  ])
})

test.each(peers)('gives each cell of $label a name of its own', (peer) => {
  const names = cellsOf(peer, { argv: ['peer'] }, ours).map(nameOf)

  expect(new Set(names).size).toBe(names.length)
})

function cellsIn(ends: Pick<Peer, 'clients' | 'servers'>) {
  return cellsOf(
    { id: 'fake', label: 'Fake', install: () => ({ argv: [] }), ...ends },
    { argv: ['peer'] },
    ours,
  )
}
