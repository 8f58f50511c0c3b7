import type { Cell, Command, SdkLine } from './cell.js'
import type { Peer, PeerEnd } from './peer.js'

/** The commands of our own end. */
export interface Ours {
  /** `ours/program.ts` on Node. */
  readonly program: Command
  /** The command line tool. */
  readonly mcpwire: Command
}

/** The SDK lines of our own end. */
const SDK_LINES: readonly SdkLine[] = ['v1', 'v2']

/** The cells of one peer. */
export function cellsOf(peer: Peer, program: Command, ours: Ours): readonly Cell[] {
  const direct = SDK_LINES.flatMap((sdk) => [
    ...peer.clients.map((end) => peerClientCell(peer, program, ours, end, sdk)),
    ...peer.servers.map((end) => peerServerCell(peer, program, ours, end, sdk)),
  ])
  return [...direct, ...bridged(peer, program, ours)].filter((cell) => cell !== undefined)
}

function peerClientCell(
  peer: Peer,
  program: Command,
  ours: Ours,
  end: PeerEnd,
  sdk: SdkLine,
): Cell | undefined {
  if (isModernOnly(end) && sdk === 'v1') return undefined
  return {
    peer: peer.label,
    direction: 'peer client',
    wire: end.label,
    sdk,
    client: clientCommand(program, end, end.args),
    server: serverCommand(ours.program, end, ['--sdk', sdk, ...(end.ours ?? [])]),
    ...(end.peerFault !== undefined && { peerFault: end.peerFault }),
  }
}

function peerServerCell(
  peer: Peer,
  program: Command,
  ours: Ours,
  end: PeerEnd,
  sdk: SdkLine,
): Cell | undefined {
  if (isModernOnly(end) && sdk === 'v1') return undefined
  return {
    peer: peer.label,
    direction: 'peer server',
    wire: end.label,
    sdk,
    client: clientCommand(ours.program, end, ['--sdk', sdk, ...(end.ours ?? [])]),
    server: serverCommand(program, end, end.args),
    ...(end.peerFault !== undefined && { peerFault: end.peerFault }),
  }
}

/** Where the bridge listens, for each wire. */
const LISTEN_URLS = {
  http: 'http://127.0.0.1:0/mcp',
  ws: 'ws://127.0.0.1:0/mcp',
  tcp: 'tcp://127.0.0.1:0',
  unix: 'unix:{socket}',
} as const
const stdioEnd: PeerEnd = { label: 'stdio', wire: 'stdio' }
const httpEnd: PeerEnd = { label: 'http', wire: 'http' }

/** The bridge between every wire and a server on stdio, and between a client on stdio and every wire. */
function bridged(peer: Peer, program: Command, ours: Ours): readonly Cell[] {
  return [...clientsThroughBridge(peer, program, ours), ...serversBehindBridge(peer, program, ours)]
}

function clientsThroughBridge(peer: Peer, program: Command, ours: Ours): readonly Cell[] {
  const cell = (end: PeerEnd, to: PeerEnd, bridge: readonly string[]): Cell => ({
    peer: peer.label,
    direction: 'peer client through the bridge',
    wire: `${end.label} to ${to.label}`,
    client: clientCommand(program, end, end.args),
    bridge,
    server: serverCommand(ours.program, to, []),
  })
  const listening = Object.entries(LISTEN_URLS).map(([wire, url]) => {
    const end = plainEnd(peer.clients, wire)
    return end && cell(end, stdioEnd, ['--listen', url, '--', '{server}'])
  })
  const stdioClient = plainEnd(peer.clients, 'stdio')
  return [...listening, stdioClient && cell(stdioClient, httpEnd, ['{server}'])].filter(
    (each) => each !== undefined,
  )
}

function serversBehindBridge(peer: Peer, program: Command, ours: Ours): readonly Cell[] {
  const cell = (from: PeerEnd, end: PeerEnd, bridge: readonly string[]): Cell => ({
    peer: peer.label,
    direction: 'peer server behind the bridge',
    wire: `${from.label} to ${end.label}`,
    client: clientCommand(ours.program, { ...from, ...skipOf(end) }, []),
    bridge,
    server: serverCommand(program, end, end.args),
  })
  const stdioServer = plainEnd(peer.servers, 'stdio')
  const dialing = ['http-sse', ...Object.keys(LISTEN_URLS)].map((wire) => {
    const end = plainEnd(peer.servers, wire)
    return end && cell(stdioEnd, end, ['{server}'])
  })
  return [
    stdioServer && cell(httpEnd, stdioServer, ['--listen', LISTEN_URLS.http, '--', '{server}']),
    ...dialing,
  ].filter((each) => each !== undefined)
}

/** The first end on a wire that has sessions and no fault. */
function plainEnd(ends: readonly PeerEnd[], wire: string): PeerEnd | undefined {
  return ends.find((end) => end.wire === wire && end.peerFault === undefined && !isModernOnly(end))
}

function clientCommand({ argv, env }: Command, end: PeerEnd, args: readonly string[] = []): Command {
  const skip = end.skip === undefined ? [] : ['--skip', end.skip.join(',')]
  return { argv: [...argv, 'client', end.wire, ...args, ...skip, '--', '{target}'], ...(env && { env }) }
}

function serverCommand({ argv, env }: Command, end: PeerEnd, args: readonly string[] = []): Command {
  return { argv: [...argv, 'server', end.wire, ...args], ...(env && { env }) }
}

function skipOf({ skip }: PeerEnd): Pick<PeerEnd, 'skip'> {
  return skip === undefined ? {} : { skip }
}

/** SDK v1 has no 2026-07-28. */
function isModernOnly({ args = [], ours = [] }: PeerEnd): boolean {
  return [...args, ...ours].join(' ').includes('--era modern')
}
