// A million messages through one connection leave the heap where it was after the first ten thousand.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isRequest, memoryPair } from '@mcpwire/core'
import { circumstances } from '../harness/machine.js'
import { answerTo, requestOf } from '../harness/messages.js'
import { committedFolder, latestFolder, writeJson } from '../harness/results.js'
import type { SoakResults } from './soak-results.js'

const TOTAL_MESSAGES = 1_000_000
const SETTLED_MESSAGES = 10_000
const SAMPLE_EVERY_MESSAGES = 100_000
const IN_FLIGHT = 64
const MAX_GROWTH_BYTES = 262_144
const MAX_SECONDS = 120

const { values } = parseArgs({ options: { save: { type: 'boolean', default: false } } })
const collect = globalThis.gc
if (!collect) throw new Error('run with --expose-gc')

const where = await circumstances()
const [near, far] = memoryPair()
far.onmessage = (message) => {
  if (isRequest(message)) void far.send(answerTo(message.id))
}
await Promise.all([near.start(), far.start()])

const startedAt = performance.now()
const heapBytes: { afterMessages: number; heapUsedBytes: number }[] = []
let messages = 0
while (messages < TOTAL_MESSAGES) {
  const until = messages < SETTLED_MESSAGES ? SETTLED_MESSAGES : nextSample(messages)
  await exchange((until - messages) / 2)
  messages = until
  heapBytes.push({ afterMessages: messages, heapUsedBytes: await settledHeap() })
  if (performance.now() - startedAt > MAX_SECONDS * 1000)
    throw new Error(`${messages} messages took more than ${MAX_SECONDS} s`)
}
await near.close()

const first = heapBytes[0]?.heapUsedBytes ?? 0
const last = heapBytes.at(-1)?.heapUsedBytes ?? 0
const growthBytes = last - first
const results: SoakResults = {
  soak: 'heap',
  says: 'after 1 000 000 messages the heap is where it was after 10 000, within 256 KiB',
  ...where,
  messages,
  seconds: (performance.now() - startedAt) / 1000,
  heapBytes,
  growthBytes,
  maxGrowthBytes: MAX_GROWTH_BYTES,
  met: growthBytes <= MAX_GROWTH_BYTES,
}
writeJson(join(latestFolder, 'soak-heap.json'), results)
if (values.save) writeJson(join(committedFolder, 'soak-heap.json'), results)
console.log(`${results.met ? 'met' : 'missed'}: ${results.says}; it changed by ${growthBytes} bytes`)
if (!results.met) process.exitCode = 1

/** That many requests, each answered. */
function exchange(requests: number): Promise<void> {
  let sent = 0
  let answered = 0
  return new Promise((resolve, reject) => {
    near.onerror = reject
    near.onmessage = () => {
      answered++
      if (sent < requests) void near.send(requestOf(sent++))
      else if (answered === requests) resolve()
    }
    while (sent < Math.min(IN_FLIGHT, requests)) void near.send(requestOf(sent++))
  })
}

async function settledHeap(): Promise<number> {
  // Twice, with a turn between: the first run may only queue what finalisers then free.
  collect?.()
  await new Promise((resolve) => setImmediate(resolve))
  collect?.()
  return process.memoryUsage().heapUsed
}

function nextSample(reached: number): number {
  return Math.min((Math.floor(reached / SAMPLE_EVERY_MESSAGES) + 1) * SAMPLE_EVERY_MESSAGES, TOTAL_MESSAGES)
}
