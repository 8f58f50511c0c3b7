// Ten thousand HTTP sessions whose clients vanish leave the heap of the server where it was before them.
import { serve, type Transport } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { Agent, request } from 'undici'
import { respond } from '../harness/exchange.js'
import { initializeRequest } from '../harness/handshake.js'
import { runSoak } from '../harness/soak.js'

const IDLE_TIMEOUT_MS = 100
const AT_ONCE = 32

const sessions = new Set<Transport>()
const server = httpServer({ port: 0, idleTimeoutMs: IDLE_TIMEOUT_MS, maxConnections: 10_000 })
const listener = await serve(server, (session) => {
  sessions.add(session)
  void session.closed.then(() => sessions.delete(session))
  return respond(session)
})
const dispatcher = new Agent({ connections: AT_ONCE })

await runSoak({
  name: 'http-sessions',
  claim:
    'after 15 000 HTTP sessions that no client ended the heap is where it was after 5 000, within 256 KiB',
  total: 15_000,
  settled: 5_000,
  sampleEvery: 1_000,
  maxGrowthBytes: 262_144,
  maxSeconds: 120,
  pass: async (count) => {
    for (let begun = 0; begun < count; begun += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - begun) }, beginSession))
    }
    await Promise.all([...sessions].map(({ closed }) => closed))
    if (sessions.size > 0) throw new Error(`${sessions.size} sessions are left`)
  },
})
await dispatcher.destroy()
await listener.close()

/** Starts a session as a client that then vanishes. */
async function beginSession(): Promise<void> {
  const { statusCode, body } = await request(listener.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify(initializeRequest),
    dispatcher,
  })
  await body.dump()
  if (statusCode !== 200) throw new Error(`initialize was answered with ${statusCode}`)
}
