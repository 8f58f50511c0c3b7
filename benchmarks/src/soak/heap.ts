// A million messages through one connection leave the heap where it was after the first ten thousand.
import { memoryPair } from '@mcpwire/core'
import { respond } from '../harness/exchange.js'
import { exchangeRequests } from '../harness/in-flight.js'
import { runSoak } from '../harness/soak.js'

const [near, far] = memoryPair()
await Promise.all([near.start(), respond(far)])
await runSoak({
  name: 'heap',
  claim: 'after 1 000 000 messages the heap is where it was after 10 000, within 256 KiB',
  total: 1_000_000,
  settled: 10_000,
  sampleEvery: 100_000,
  maxGrowthBytes: 262_144,
  maxSeconds: 120,
  // A request and its response are two messages.
  pass: (messages) => exchangeRequests(near, messages / 2),
})
await near.close()
