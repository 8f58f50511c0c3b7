import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRequest, isResponse, type TransportLike } from '@mcpwire/core'
import { responseFor } from './exchange.js'
import { requestOf } from './messages.js'
import type { Contestant, Counts, Driver, Load, Suite } from './suite.js'

/** Round trips over many open connections, each used in turn. */
export interface ManyConnections extends Load {
  readonly connections: number
}

/** A question about many connections of one kind of transport. */
export interface ScaleQuestion {
  readonly name: string
  readonly question: string
  /** The most connections that are open at once. */
  readonly most: number
  readonly warmUpMs?: number
  /** The reference, without any package of ours. */
  readonly bare: Scaled
  readonly ours: Scaled
}

/** How one contestant connects and listens. */
interface Scaled {
  readonly label: string
  /** Opens one more connection to the address of `serve`. */
  readonly dial: (address: string) => Promise<TransportLike>
  /** Listens, and calls `accept` with each connection before it is started. */
  readonly serve: (accept: (wire: TransportLike) => Promise<void>) => Promise<string>
  /** The most sockets of a connection. Without it, 1. */
  readonly socketsEach?: number
}

const IN_FLIGHT = 64
const DIALLED_AT_ONCE = 100
const TIMED_EVERY = 8
const SPARE_FILES = 200
const RELEASE_TIMEOUT_MS = 10_000
const POLL_MS = 20

/** A suite with one client process that has all connections, and one server process. */
export function scaleSuite({ bare, ours, most, ...question }: ScaleQuestion): Suite<ManyConnections> {
  return {
    ...question,
    reference: 'bare',
    isCollected: true,
    loads: [
      manyConnections(1),
      manyConnections(100),
      manyConnections(most, 'connections-many'),
      { ...manyConnections(1, 'connections-1-again'), label: '1 connection, once the others are closed' },
    ],
    contestants: [
      { id: 'bare', ...scaled(bare, most) },
      { id: 'ours', isOurs: true, ...scaled(ours, most) },
    ],
  }
}

function manyConnections(connections: number, id = `connections-${connections}`): ManyConnections {
  return { id, label: `${connections.toLocaleString('en')} connections, 64 in flight`, connections }
}

/** Opens and closes connections until their number is that of the load. */
function scaled(
  { label, dial, serve, socketsEach = 1 }: Scaled,
  most: number,
): Omit<Contestant<ManyConnections>, 'id'> {
  return {
    label,
    open: async ({ address }) => {
      requireOpenFiles(most)
      return driverOver(() => dial(address), socketsEach)
    },
    server: {
      startedBy: 'harness',
      serve: async () => {
        requireOpenFiles(most)
        const sockets = openSockets()
        let open = 0
        const address = await serve(async (wire) => {
          open++
          wire.onmessage = (message) => {
            if (isRequest(message)) void wire.send(responseFor(message))
          }
          wire.onclose = () => {
            open--
            // Checked in a pause: connections that end together are released together.
            if (open === 1) void releasedTo(sockets + socketsEach, () => open === 1)
          }
          await wire.start()
        })
        return address
      },
    },
  }
}

function driverOver(dial: () => Promise<TransportLike>, socketsEach: number): Driver<ManyConnections> {
  const wires: TransportLike[] = []
  const sockets = openSockets()
  let nextId = 0

  async function resize(count: number): Promise<void> {
    while (wires.length < count) {
      const more = Math.min(DIALLED_AT_ONCE, count - wires.length)
      wires.push(...(await Promise.all(Array.from({ length: more }, dial))))
    }
    if (wires.length === count) return
    await Promise.all(wires.splice(count).map((wire) => wire.close()))
    await releasedTo(sockets + count * socketsEach, () => true)
  }

  function exchange(milliseconds: number): Promise<Counts> {
    const latencies: number[] = []
    const inFlight = new Map<number, number>()
    const startedAt = performance.now()
    let turn = 0
    let answered = 0
    let isOver = false
    const sendNext = (): void => {
      const id = nextId++
      inFlight.set(id, id % TIMED_EVERY === 0 ? performance.now() : 0)
      const wire = wires[turn++ % wires.length] as TransportLike
      void wire.send(requestOf(id))
    }
    return new Promise((resolve, reject) => {
      for (const wire of wires) {
        wire.onerror = reject
        wire.onmessage = (message) => {
          const id = isResponse(message) ? (message.id as number) : -1
          const sentAt = inFlight.get(id)
          if (!inFlight.delete(id) || sentAt === undefined) {
            reject(new Error(`a response to ${id}, which is not in flight`))
            return
          }
          answered++
          if (id % TIMED_EVERY === 0) {
            const now = performance.now()
            latencies.push((now - sentAt) * 1000)
            if (now - startedAt >= milliseconds) isOver = true
          }
          if (!isOver) sendNext()
          else if (inFlight.size === 0) {
            const seconds = (performance.now() - startedAt) / 1000
            resolve({ messages: answered * 2, seconds, latencies: Float64Array.from(latencies) })
          }
        }
      }
      for (let count = 0; count < IN_FLIGHT; count++) sendNext()
    })
  }

  return {
    prepare: ({ connections }) => resize(connections),
    run: async (_load, milliseconds) => ({ ...(await exchange(milliseconds)), connections: wires.length }),
    close: () => resize(0),
  }
}

/** Throws when sockets stay open. A leak makes the other figures worthless. */
async function releasedTo(expected: number, stillHolds: () => boolean): Promise<void> {
  const deadline = performance.now() + RELEASE_TIMEOUT_MS
  while (stillHolds() && openSockets() > expected) {
    if (performance.now() > deadline)
      throw new Error(`${openSockets()} sockets are open, expected ${expected}`)
    await sleep(POLL_MS)
  }
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
}

/** Node raises its own limit up to the hard limit. */
function requireOpenFiles(connections: number): void {
  const limit = openFilesLimit()
  if (limit < connections + SPARE_FILES)
    throw new Error(`the limit of open files is ${limit}, not ${connections + SPARE_FILES}: raise ulimit -Hn`)
}

function openFilesLimit(): number {
  try {
    const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft)
  } catch {
    // Only Linux has this file. Elsewhere connecting fails beyond the limit.
    return Infinity
  }
}
