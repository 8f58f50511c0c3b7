// A hundred thousand requests in one HTTP session leave the heap of both ends where it was after ten thousand.
import { serve } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { respond } from '../harness/exchange.js'
import { withHandshake } from '../harness/handshake.js'
import { exchangeRequests } from '../harness/in-flight.js'
import { runSoak } from '../harness/soak.js'

const listener = await serve(httpServer({ port: 0 }), (session) => respond(session))
const client = withHandshake(httpClient({ url: listener.url }))
await client.start()
await runSoak({
  name: 'http',
  claim: 'after 100 000 requests in one HTTP session the heap is where it was after 10 000, within 256 KiB',
  total: 200_000,
  settled: 20_000,
  sampleEvery: 20_000,
  maxGrowthBytes: 262_144,
  maxSeconds: 120,
  pass: (messages) => exchangeRequests(client, messages / 2),
})
await client.close()
await listener.close()
