import type { Cell, Command } from './cell.js'
import type { Peer, PeerEnd } from './peer.js'

/** The commands of our own end. */
export interface Ours {
  /** `ours/program.ts` on Node. */
  readonly program: Command
  /** The command line tool. */
  readonly mcpwire: Command
}

/** The SDK lines of our own end. */
const SDK_LINES = ['v1', 'v2'] as const

/** The cells of one peer. */
export function cellsOf(peer: Peer, program: Command, ours: Ours): readonly Cell[] {
  const direct = SDK_LINES.flatMap((sdk) => [
    ...peer.clients.map((end) => peerClientCell(peer, program, ours, end, sdk)),
    ...peer.servers.map((end) => peerServerCell(peer, program, ours, end, sdk)),
  ])
  return [...direct, ...bridged(peer, program, ours)].filter((cell) => cell !== undefined)
}

function peerClientCell(peer: Peer, program: Command, ours: Ours, end: PeerEnd, sdk: string): Cell | undefined {
  if (isModernOnly(end) && sdk === 'v1') return undefined
  return {
    peer: peer.label,
    direction: 'peer client',
    wire: `${end.label}, SDK ${sdk}`,
    client: clientCommand(program, end, end.args),
    server: serverCommand(ours.program, end, ['--sdk', sdk, ...(end.ours ?? [])]),
    ...(end.peerFault !== undefined && { peerFault: end.peerFault }),
  }
}

function peerServerCell(peer: Peer, program: Command, ours: Ours, end: PeerEnd, sdk: string): Cell | undefined {
  if (isModernOnly(end) && sdk === 'v1') return undefined
  return {
    peer: peer.label,
    direction: 'peer server',
    wire: `${end.label}, SDK ${sdk}`,
    client: clientCommand(ours.program, end, ['--sdk', sdk, ...(end.ours ?? [])]),
    server: serverCommand(program, end, end.args),
    ...(end.peerFault !== undefined && { peerFault: end.peerFault }),
  }
}

/** The bridge between a client over HTTP and a server on stdio, and the other way round. */
function bridged(peer: Peer, program: Command, ours: Ours): readonly Cell[] {
  const find = (ends: readonly PeerEnd[], wire: string): PeerEnd | undefined =>
    ends.find((end) => end.wire === wire && end.peerFault === undefined && !isModernOnly(end))
  const listening = ['--listen', 'http://127.0.0.1:0/mcp', '--', '{server}']
  const stdioEnd: PeerEnd = { label: 'stdio', wire: 'stdio' }
  const httpEnd: PeerEnd = { label: 'http', wire: 'http' }
  const [httpClient, stdioClient] = [find(peer.clients, 'http'), find(peer.clients, 'stdio')]
  const [httpServer, stdioServer] = [find(peer.servers, 'http'), find(peer.servers, 'stdio')]
  const client = { peer: peer.label, direction: 'peer client through the bridge' } as const
  const server = { peer: peer.label, direction: 'peer server behind the bridge' } as const
  return [
    httpClient && {
      ...client,
      wire: 'http to stdio',
      client: clientCommand(program, httpClient, httpClient.args),
      bridge: listening,
      server: serverCommand(ours.program, stdioEnd, []),
    },
    stdioClient && {
      ...client,
      wire: 'stdio to http',
      client: clientCommand(program, stdioClient, stdioClient.args),
      bridge: ['{server}'],
      server: serverCommand(ours.program, httpEnd, []),
    },
    stdioServer && {
      ...server,
      wire: 'http to stdio',
      client: clientCommand(ours.program, { ...httpEnd, ...skipOf(stdioServer) }, []),
      bridge: listening,
      server: serverCommand(program, stdioServer, stdioServer.args),
    },
    httpServer && {
      ...server,
      wire: 'stdio to http',
      client: clientCommand(ours.program, { ...stdioEnd, ...skipOf(httpServer) }, []),
      bridge: ['{server}'],
      server: serverCommand(program, httpServer, httpServer.args),
    },
  ].filter((cell) => cell !== undefined)
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
