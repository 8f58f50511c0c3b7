import { isResponse, type TransportLike } from '@mcpwire/core'
import { requestOf } from './messages.js'
import type { Counts, Driver, Load } from './suite.js'

/** So many connections are open; a few requests are in flight, each on the next one of them. */
export interface ManyConnections extends Load {
  readonly connections: number
}

/** Open connections, most of them idle. */
export function connectionsOf(connections: number, id: string): ManyConnections {
  return { id: `connections-${id}`, label: `${connections} connections, 64 requests in flight`, connections }
}

const IN_FLIGHT = 64
const DIALS_AT_ONCE = 100

/** Opens as many as the load asks for, which stay open for the next one. */
export function manyDriver(dial: () => Promise<TransportLike>): Driver<ManyConnections> {
  const wires: TransportLike[] = []
  const grow = async (connections: number): Promise<void> => {
    while (wires.length < connections) {
      const count = Math.min(DIALS_AT_ONCE, connections - wires.length)
      wires.push(...(await Promise.all(Array.from({ length: count }, dial))))
    }
  }
  return {
    run: async ({ connections }, milliseconds) => {
      await grow(connections)
      return await roundTrips(wires.slice(0, connections), milliseconds)
    },
    close: async () => {
      for (const wire of wires) {
        wire.onclose = undefined
        wire.onerror = undefined
      }
      await Promise.all(wires.map((wire) => wire.close()))
    },
  }
}

function roundTrips(wires: readonly TransportLike[], milliseconds: number): Promise<Counts> {
  const startedAt = performance.now()
  const waiting = new Set<number>()
  let sent = 0
  let answered = 0
  let isOver = false
  return new Promise((resolve, reject) => {
    const sendNext = (): void => {
      const id = sent++
      const wire = wires[id % wires.length] as TransportLike
      waiting.add(id)
      void wire.send(requestOf(id))
    }
    for (const wire of wires) {
      wire.onerror = reject
      wire.onclose = () => reject(new Error('the other end has closed'))
      wire.onmessage = (message) => {
        const id = isResponse(message) ? (message.id as number) : -1
        if (!waiting.delete(id)) reject(new Error(`an answer to ${id}, which is not in flight`))
        answered++
        isOver ||= performance.now() - startedAt >= milliseconds
        if (!isOver) sendNext()
        else if (waiting.size === 0)
          resolve({ messages: answered * 2, seconds: (performance.now() - startedAt) / 1000 })
      }
    }
    for (let count = 0; count < IN_FLIGHT; count++) sendNext()
  })
}
