import { setTimeout as sleep } from 'node:timers/promises'
import {
  isNotification,
  isRequest,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type TransportLike,
} from '@mcpwire/core'
import { initializeResponse } from './handshake.js'
import { notificationOf, responseTo } from './messages.js'
import type { Counts, Driver, Load } from './suite.js'

/** Bursts of notifications from the server, each in a turn of its own. A request sets the size of a burst. */
export interface Pushed extends Load {
  readonly burst: number
}

/** Notifications in bursts of that size. */
export function pushed(burst = 64): Pushed {
  return { id: `one-way-${burst}`, label: `from the server, bursts of ${burst}`, burst }
}

const PUSH_METHOD = 'benchmark/push'
/** Bursts per request. The cost of the request itself is small among them. */
const BURSTS_ASKED_FOR = 32
const ASKED_FOR_AHEAD = 2
const PROBE_EVERY_MS = 20
const PROBES = 250

/** The server. Handles one request after the other, and numbers the notifications from 0. */
export function pushOn(wire: TransportLike): Promise<void> {
  const due: number[] = []
  let progress = 0
  const pushNext = (): void => {
    for (let left = due.shift() ?? 0; left > 0; left--) void wire.send(notificationOf(progress++))
    if (due.length > 0) setImmediate(pushNext)
  }
  wire.onmessage = (message) => {
    if (!isRequest(message)) return
    if (message.method === 'initialize') {
      void wire.send(initializeResponse(message))
      return
    }
    const { bursts, burst } = message.params as unknown as Asked
    void wire.send(responseTo(message.id))
    if (due.length === 0) setImmediate(pushNext)
    for (let count = 0; count < bursts; count++) due.push(burst)
  }
  return wire.start()
}

interface Asked {
  readonly bursts: number
  readonly burst: number
}

/** The client. Counts notifications only, and expects them in order. */
export async function pushDriver(wire: TransportLike): Promise<Driver<Pushed>> {
  let nextId = 0
  let onmany: () => void = () => {}
  let fail: (error: Error) => void = () => {}
  const ask = ({ bursts, burst }: Asked): void => {
    const params = { bursts, burst }
    void wire.send({ jsonrpc: '2.0', id: nextId++, method: PUSH_METHOD, params })
  }
  wire.onerror = (error) => fail(error)
  await wire.start()
  let expected = await streamOpen(wire, () => ask({ bursts: 1, burst: 1 }))
  wire.onmessage = (message) => {
    const progress = progressOf(message)
    if (progress === undefined) return
    if (progress !== expected) fail(new Error(`expected notification ${expected}, received ${progress}`))
    expected++
    onmany()
  }

  return {
    run: ({ burst }, milliseconds) => {
      const size = BURSTS_ASKED_FOR * burst
      const before = expected
      let due = expected
      const startedAt = performance.now()
      const askMore = (): void => {
        ask({ bursts: BURSTS_ASKED_FOR, burst })
        due += size
      }
      return new Promise<Counts>((resolve, reject) => {
        fail = reject
        onmany = () => {
          if ((expected - before) % size !== 0) return
          const elapsed = performance.now() - startedAt
          if (elapsed < milliseconds) askMore()
          else if (expected === due) resolve({ messages: expected - before, seconds: elapsed / 1000 })
        }
        for (let count = 0; count < ASKED_FOR_AHEAD; count++) askMore()
      })
    },
    close: () => {
      wire.onerror = undefined
      return wire.close()
    },
  }
}

/** Sends requests until a notification arrives: a server drops notifications before the stream is open. Resolves with the next number. */
async function streamOpen(wire: TransportLike, ask: () => void): Promise<number> {
  let probes = 0
  let last: number | undefined
  wire.onmessage = (message) => {
    last = progressOf(message) ?? last
  }
  while (last === undefined) {
    if (probes++ === PROBES) throw new Error('no notification arrives')
    ask()
    await sleep(PROBE_EVERY_MS)
  }
  while (last < probes - 1) await sleep(PROBE_EVERY_MS)
  return probes
}

function progressOf(message: JsonRpcMessage): number | undefined {
  return isNotification(message)
    ? (message as JsonRpcNotification & ProgressParams).params.progress
    : undefined
}

interface ProgressParams {
  readonly params: { readonly progress: number }
}
