import { setTimeout as sleep } from 'node:timers/promises'
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Agent, fetch as fetchWith } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { program, serverCommand } from '../support/bin.js'
import {
  buildSoakPrograms,
  childrenOf,
  listeningAddress,
  type Running,
  startLimited,
} from './support/processes.js'
import { printTable, saveResults } from './support/results.js'

// SOAK_CLIENTS sets the number of clients, SOAK_SAVE=1 writes the results file.

const CLIENTS = Number(process.env['SOAK_CLIENTS'] ?? 200)
const EVICTED_CLIENTS = 60
const MAX_CONNECTIONS = 20
const SESSION_IDLE_MS = 2_000
/** For the check of idle sessions, and the end of the servers. */
const END_MS = 8_000
const SAMPLE_MS = 25

const info = { name: 'vanishing', version: '1' }

beforeAll(buildSoakPrograms)

const results: object[] = []

afterAll(() => {
  printTable(results as Record<string, string | number>[])
  saveResults('vanishing-clients', { maxConnections: MAX_CONNECTIONS, results })
})

test.each([
  { clients: CLIENTS, sessionIdleMs: SESSION_IDLE_MS, why: 'their sessions expire' },
  { clients: Math.min(CLIENTS, EVICTED_CLIENTS), sessionIdleMs: 1_800_000, why: 'idle sessions make space' },
])(
  '$clients clients that disconnect without DELETE one after another are all admitted: $why',
  async (given) => {
    const { clients, sessionIdleMs } = given
    const limits = ['--max-connections', String(MAX_CONNECTIONS), '--session-idle-ms', String(sessionIdleMs)]
    const listen = ['--listen', 'http://127.0.0.1:0/mcp']
    const [, bin = ''] = program
    const bridge = startLimited(
      [bin, 'bridge', ...limits, ...listen, '--', ...serverCommand('v1-server')],
      {},
    )
    const url = new URL(await listeningAddress(bridge))
    const children = watchChildren(bridge)
    const connectMs: number[] = []
    const refused: string[] = []
    for (let at = 0; at < clients; at++) {
      const startedAt = performance.now()
      try {
        await connectAndVanish(url, at)
        connectMs.push(performance.now() - startedAt)
      } catch (error) {
        refused.push(`client ${at}: ${String(error).slice(0, 200)}`)
      }
    }
    const endedAt = performance.now()
    const mayExpire = sessionIdleMs === SESSION_IDLE_MS
    while (
      mayExpire &&
      childrenOf(bridge.pid).length > 0 &&
      performance.now() - endedAt < sessionIdleMs + END_MS
    )
      await sleep(SAMPLE_MS)
    const left = childrenOf(bridge.pid).length
    const untilNoneMs = Math.round(performance.now() - endedAt)
    children.stop()
    const log = bridge.stderr().slice(-2_000)
    await bridge.kill()
    const sorted = connectMs.sort((a, b) => a - b).map(Math.round)
    results.push({
      clients,
      sessionIdleMs,
      admitted: connectMs.length,
      mostChildren: children.most,
      childrenLeft: left,
      ...(mayExpire && { untilNoneMs }),
      medianMs: sorted[Math.floor(sorted.length / 2)],
      maxMs: sorted.at(-1),
    })
    expect(refused, log).toEqual([])
    expect(children.most).toBeLessThanOrEqual(MAX_CONNECTIONS)
    if (mayExpire) expect(left).toBe(0)
  },
)

/** A client of either SDK that calls a tool. Then its connections are destroyed. */
async function connectAndVanish(url: URL, at: number): Promise<void> {
  const agent = new Agent()
  const fetch = ((input: string, init: object) => fetchWith(input, { ...init, dispatcher: agent })) as never
  const options = {
    fetch,
    reconnectionOptions: {
      maxRetries: 0,
      initialReconnectionDelay: 1,
      maxReconnectionDelay: 1,
      reconnectionDelayGrowFactor: 1,
    },
  }
  const tool = { name: 'add', arguments: { a: at, b: 1 } }
  try {
    // Version 2 first sends server/discover, which this server does not support.
    const client =
      at % 2 === 0
        ? new ClientV1(info)
        : new ClientV2(info, { versionNegotiation: { mode: 'auto' as const } })
    client.onerror = () => {}
    if (client instanceof ClientV1) await client.connect(new HttpV1(url, options) as never)
    else await client.connect(new HttpV2(url, options))
    const { content } = await client.callTool(tool)
    expect(content).toEqual([{ type: 'text', text: String(at + 1) }])
  } finally {
    await agent.destroy()
  }
}

function watchChildren(bridge: Running): { readonly most: number; stop(): void } {
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, childrenOf(bridge.pid).length)
  }, SAMPLE_MS)
  return {
    get most() {
      return most
    },
    stop: () => clearInterval(timer),
  }
}
