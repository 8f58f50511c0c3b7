import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Transport } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { stdioClient } from '@mcpwire/stdio'
import { tcpClient } from '@mcpwire/tcp'
import { unixClient } from '@mcpwire/unix'
import { wsClient } from '@mcpwire/ws'
import { program } from '../../support/bin.js'
import { type FaultProxy, faultProxy, type NetworkFault } from './fault-proxy.js'
import {
  childrenOf,
  listeningAddress,
  type Running,
  startLimited,
  startProgram,
  toolServerCommand,
} from './processes.js'

export type Fault =
  | NetworkFault
  | 'lost in the handshake'
  | 'server killed'
  | 'child killed'
  | 'bridge killed'

/** A way from a client to a server, with the faults that can occur on it. */
export interface Route {
  readonly name: string
  readonly era: 'session' | 'modern'
  readonly faults: readonly Fault[]
  /** The time in which each promise settles after a fault, by the deadlines of options. */
  readonly settleMs: number
  /** @param ledger the file that the server appends the keys of calls to */
  open(ledger: string): Promise<OpenRoute>
}

/** An open route: its processes and the transport of its client, which is not started. */
export interface OpenRoute {
  readonly transport: Transport
  inject(fault: Fault, random: number): void
  close(): Promise<void>
}

type Wire = 'tcp' | 'unix' | 'ws' | 'http'

const NETWORK: readonly NetworkFault[] = ['reset', 'end', 'stall', 'bytewise', 'cut', 'lost']
/** Above the deadlines of the options below, on a busy machine. */
const SETTLE_MS = 10_000
/** The bridge has the defaults of transports: pings every 15 s, and 5 s or the same time again for the response. */
const BRIDGE_SETTLE_MS = 45_000

const wires: readonly (readonly [wire: Wire, era: Route['era']])[] = [
  ['tcp', 'session'],
  ['unix', 'session'],
  ['ws', 'session'],
  ['http', 'session'],
  ['http', 'modern'],
]

/** All routes. */
export const routes: readonly Route[] = [
  {
    name: 'stdio',
    era: 'session',
    faults: ['server killed'],
    settleMs: SETTLE_MS,
    open: (ledger) => openStdio(ledger),
  },
  ...wires.map(([wire, era]) => ({
    name: nameOf(wire, era),
    era,
    faults: [...NETWORK, ...handshakeFaults(wire, era), 'server killed' as const],
    settleMs: SETTLE_MS,
    open: (ledger: string) => openDirect(wire, ledger),
  })),
  ...wires.map(([wire, era]) => ({
    name: `${nameOf(wire, era)}, bridge, stdio`,
    era,
    faults: [...NETWORK, ...handshakeFaults(wire, era), 'child killed' as const, 'bridge killed' as const],
    settleMs: SETTLE_MS,
    open: (ledger: string) => openBridged(wire, ledger),
  })),
  ...wires.map(([wire, era]) => ({
    name: `stdio, bridge, ${nameOf(wire, era)}`,
    era,
    // The default of responseHeadTimeoutMs, 300 s, is the deadline for lost packets over HTTP. That is too long here.
    // The bridge sends no pings over Unix sockets, which lose no packets.
    faults: [
      ...NETWORK.filter((fault) => fault !== 'lost' || wire === 'tcp' || wire === 'ws'),
      'server killed' as const,
      'bridge killed' as const,
    ],
    settleMs: BRIDGE_SETTLE_MS,
    open: (ledger: string) => openUpstream(wire, ledger),
  })),
]

/** Packets that are lost after the response to `initialize`. Other wires have no deadline for the handshake. */
function handshakeFaults(wire: Wire, era: Route['era']): Fault[] {
  return wire === 'http' && era === 'session' ? ['lost in the handshake'] : []
}

function nameOf(wire: Wire, era: Route['era']): string {
  if (wire !== 'http') return wire
  return era === 'session' ? 'http, sessions' : 'http, 2026-07-28'
}

let sockets = 0

const folder = mkdtempSync(join(tmpdir(), 'mcpwire-chaos-'))

/** Removes the sockets of servers that were killed. */
export function removeSockets(): void {
  rmSync(folder, { recursive: true, force: true })
}

function newPath(): string {
  return join(folder, String(++sockets))
}

function listenUrl(wire: Wire): string {
  return {
    tcp: 'tcp://127.0.0.1:0',
    unix: `unix:${newPath()}`,
    ws: 'ws://127.0.0.1:0/mcp',
    http: 'http://127.0.0.1:0/mcp',
  }[wire]
}

/** A client with short deadlines. */
function clientTo(wire: Wire, proxy: { readonly port: number; readonly path: string }): Transport {
  const { port, path } = proxy
  switch (wire) {
    case 'tcp':
      return tcpClient({ port, connectTimeoutMs: 4_000, pingIntervalMs: 1_000 })
    case 'unix':
      return unixClient({ path, connectTimeoutMs: 4_000, pingIntervalMs: 1_000 })
    case 'ws':
      return wsClient({
        url: `ws://127.0.0.1:${port}/mcp`,
        connectTimeoutMs: 4_000,
        pingIntervalMs: 1_000,
        pongTimeoutMs: 1_000,
      })
    case 'http':
      return httpClient({
        url: `http://127.0.0.1:${port}/mcp`,
        connectTimeoutMs: 4_000,
        acceptTimeoutMs: 1_000,
        responseHeadTimeoutMs: 4_000,
        streamIdleTimeoutMs: 2_000,
        reconnect: { firstDelayMs: 100, maxDelayMs: 500, maxAttempts: 4 },
      })
  }
}

interface Proxied extends FaultProxy {
  readonly path: string
}

async function proxyTo(url: string): Promise<Proxied> {
  const path = newPath()
  const target = /^unix:(.+)$/.exec(url)?.[1]
  const proxy =
    target === undefined
      ? await faultProxy({ host: '127.0.0.1', port: Number(new URL(url).port) })
      : await faultProxy({ path: target }, path)
  return { ...proxy, path }
}

async function openStdio(ledger: string): Promise<OpenRoute> {
  const [command = '', ...args] = toolServerCommand()
  const transport = stdioClient({ command, args, env: { SOAK_LEDGER: ledger }, stderr: 'ignore' })
  return {
    transport,
    inject: () => void killAll([transport.pid]),
    close: () => transport.close(),
  }
}

async function openDirect(wire: Wire, ledger: string): Promise<OpenRoute> {
  const { server, url } = await startServer(wire, ledger)
  const proxy = await proxyTo(url)
  const transport = clientTo(wire, proxy)
  return {
    transport,
    inject: (fault, random) => {
      if (fault === 'server killed') killAll([server.pid])
      else proxy.inject(networkFault(fault), random)
    },
    close: () => closeAll(transport, proxy, [server]),
  }
}

async function openBridged(wire: Wire, ledger: string): Promise<OpenRoute> {
  const [, bin = ''] = program
  const bridge = startLimited(
    [
      bin,
      'bridge',
      '--env',
      `SOAK_LEDGER=${ledger}`,
      '--listen',
      listenUrl(wire),
      '--',
      ...toolServerCommand(),
    ],
    {},
  )
  const proxy = await proxyTo(await listeningAddress(bridge))
  const transport = clientTo(wire, proxy)
  return {
    transport,
    inject: (fault, random) => {
      if (fault === 'bridge killed') killAll([bridge.pid])
      else if (fault === 'child killed') killAll(childrenOf(bridge.pid))
      else proxy.inject(networkFault(fault), random)
    },
    close: () => closeAll(transport, proxy, [bridge]),
  }
}

async function openUpstream(wire: Wire, ledger: string): Promise<OpenRoute> {
  const { server, url } = await startServer(wire, ledger)
  const proxy = await proxyTo(url)
  const upstream = wire === 'unix' ? `unix:${proxy.path}` : url.replace(/:\d+/, `:${proxy.port}`)
  const [command = '', bin = ''] = program
  const transport = stdioClient({ command, args: [bin, 'bridge', upstream], stderr: 'ignore' })
  return {
    transport,
    inject: (fault, random) => {
      if (fault === 'bridge killed') killAll([transport.pid])
      else if (fault === 'server killed') killAll([server.pid])
      else proxy.inject(networkFault(fault), random)
    },
    close: () => closeAll(transport, proxy, [server]),
  }
}

function networkFault(fault: Fault): NetworkFault {
  return fault === 'lost in the handshake' ? 'lost' : (fault as NetworkFault)
}

async function startServer(wire: Wire, ledger: string): Promise<{ server: Running; url: string }> {
  const responseFormat = ++sockets % 2 === 0 ? 'sse' : 'auto'
  const options = wire === 'http' ? { responseFormat, keepAliveIntervalMs: 500 } : {}
  const server = startProgram('server', [listenUrl(wire), JSON.stringify(options)], {
    env: { SOAK_LEDGER: ledger },
  })
  const { address } = await server.ask<{ address: string }>({})
  return { server, url: address }
}

async function closeAll(
  transport: Transport,
  proxy: FaultProxy,
  processes: readonly Running[],
): Promise<void> {
  await transport.close()
  await proxy.close()
  for (const each of processes) {
    const children = childrenOf(each.pid)
    if (each.isAlive()) await each.kill()
    killAll(children)
  }
}

function killAll(pids: readonly (number | null | undefined)[]): void {
  for (const pid of pids) {
    if (typeof pid !== 'number') continue
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended already.
    }
  }
}
