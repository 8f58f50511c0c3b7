import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { SoakResults } from '../soak/soak-results.js'
import { circumstances } from './machine.js'
import { committedFolder, latestFolder, writeJson } from './results.js'

/** A long run after which the heap must be as large as early in the run. */
export interface Soak {
  readonly name: string
  readonly claim: string
  /** The number of messages, or of the other things that `pass` counts. */
  readonly total: number
  /** The number after which the heap is measured first. */
  readonly settled: number
  readonly sampleEvery: number
  readonly maxGrowthBytes: number
  readonly maxSeconds: number
  /** Exchanges that many. */
  readonly pass: (count: number) => Promise<void>
}

/** Runs it, writes the results and sets the exit code. Reads the options of the command line. */
export async function runSoak({
  pass,
  total,
  settled,
  sampleEvery,
  maxSeconds,
  ...soak
}: Soak): Promise<void> {
  const { values } = parseArgs({ options: { save: { type: 'boolean', default: false } } })
  const where = await circumstances()
  const startedAt = performance.now()
  const heapBytes: { afterMessages: number; heapUsedBytes: number }[] = []
  let passed = 0
  while (passed < total) {
    const until = passed < settled ? settled : (Math.floor(passed / sampleEvery) + 1) * sampleEvery
    const next = Math.min(until, total)
    await pass(next - passed)
    passed = next
    heapBytes.push({ afterMessages: passed, heapUsedBytes: await settledHeap() })
    if (performance.now() - startedAt > maxSeconds * 1000)
      throw new Error(`${passed} of ${total} took more than ${maxSeconds} s`)
  }
  const growthBytes = (heapBytes.at(-1)?.heapUsedBytes ?? 0) - (heapBytes[0]?.heapUsedBytes ?? 0)
  const results: SoakResults = {
    soak: soak.name,
    claim: soak.claim,
    ...where,
    messages: passed,
    seconds: (performance.now() - startedAt) / 1000,
    heapBytes,
    growthBytes,
    maxGrowthBytes: soak.maxGrowthBytes,
    met: growthBytes <= soak.maxGrowthBytes,
  }
  const file = `soak-${soak.name}.json`
  writeJson(join(latestFolder, file), results)
  if (values.save) writeJson(join(committedFolder, file), results)
  console.log(`${results.met ? 'met' : 'missed'}: ${results.claim}; it changed by ${growthBytes} bytes`)
  if (!results.met) process.exitCode = 1
}

async function settledHeap(): Promise<number> {
  const collect = globalThis.gc
  if (!collect) throw new Error('run with --expose-gc')
  // Twice, with a turn between: the first collection can queue finalizers that release more.
  void collect()
  await new Promise((resolve) => setImmediate(resolve))
  void collect()
  return process.memoryUsage().heapUsed
}
