// 19 well-behaved clients of ours, and in the same process clients of a hostile server, whose URL a message has.
import { setTimeout as sleep } from 'node:timers/promises'
import { type JsonRpcPeer, peer } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { Measurement } from '../support/measurement.js'

const CALLERS = 19
const HOSTILE = 16
/** A tool that takes 10 ms, like one that asks a database. */
const SLOW_CALL = { name: 'slow', arguments: { ms: 10 } }
const CALL = { name: 'echo', arguments: {} }
/** Between the calls of one caller: 50 to 100 ms, without chance. */
const pauseMs = (at: number): number => 50 + ((at * 37) % 51)

const calls = new Measurement()
const ended = new Map<string, number>()

async function connect(url: string): Promise<JsonRpcPeer> {
  const client = peer(httpClient({ url }))
  await client.start()
  await client.request('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'soak', version: '1' },
  })
  await client.notify('notifications/initialized')
  return client
}

async function callRepeatedly(client: JsonRpcPeer, at: number): Promise<void> {
  for (let turn = at; ; turn++) {
    await calls.count(client.request('tools/call', SLOW_CALL))
    await sleep(pauseMs(turn))
  }
}

/** Calls the hostile server until it is stopped: its responses never end by themselves. */
async function callHostile(url: string): Promise<void> {
  for (;;) {
    try {
      const client = await connect(url)
      await client.request('tools/call', CALL)
    } catch (error) {
      const kind = (error instanceof Error ? error.message : String(error)).replace(/\d+/g, 'n').slice(0, 120)
      ended.set(kind, (ended.get(kind) ?? 0) + 1)
    }
    await sleep(1_000)
  }
}

interface Command {
  readonly open?: string
  readonly hostile?: string
  readonly begin?: true
}

async function run({ open, hostile, begin }: Command): Promise<void> {
  if (open !== undefined) {
    const clients = await Promise.all(Array.from({ length: CALLERS }, () => connect(open)))
    for (const [at, client] of clients.entries()) void callRepeatedly(client, at)
  }
  if (hostile !== undefined) for (let at = 0; at < HOSTILE; at++) void callHostile(hostile)
  const taken = { calls: calls.take(), ended: Object.fromEntries(ended) }
  if (begin) calls.reset()
  process.send?.(taken)
}

process.on('message', (command: Command) => void run(command))
process.on('disconnect', () => process.exit())
