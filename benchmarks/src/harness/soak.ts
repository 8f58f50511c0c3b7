import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { SoakResults } from '../soak/soak-results.js'
import { circumstances } from './machine.js'
import { committedFolder, latestFolder, writeJson } from './results.js'

/** A long run after which the heap must be where it was early on. */
export interface Soak {
  readonly name: string
  readonly says: string
  /** How many messages, or whatever it is that is counted. */
  readonly total: number
  /** After how many of them the heap is looked at first. */
  readonly settled: number
  readonly sampleEvery: number
  readonly maxGrowthBytes: number
  readonly maxSeconds: number
  /** Lets so many of them pass. */
  readonly pass: (count: number) => Promise<void>
}

/** Carries it out, writes what it found, and sets the exit code. Takes the options of the command. */
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
    says: soak.says,
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
  console.log(`${results.met ? 'met' : 'missed'}: ${results.says}; it changed by ${growthBytes} bytes`)
  if (!results.met) process.exitCode = 1
}

async function settledHeap(): Promise<number> {
  const collect = globalThis.gc
  if (!collect) throw new Error('run with --expose-gc')
  // Twice, with a turn between: the first run may only queue what finalisers then free.
  void collect()
  await new Promise((resolve) => setImmediate(resolve))
  void collect()
  return process.memoryUsage().heapUsed
}
