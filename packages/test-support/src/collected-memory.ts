import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Memory of this process after a garbage collection. */
interface CollectedMemory {
  /** Heap and buffers together, in bytes. */
  readonly held: number
  /** Resident pages, in bytes. They include freed memory that the allocator keeps. */
  readonly rss: number
}

/** Collects garbage, and in further rounds also what finalizers and callbacks release. Then measures. */
export async function collectedMemory(rounds = 3): Promise<CollectedMemory> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let times = 0; times < rounds; times++) {
    collect()
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, arrayBuffers, external, rss } = process.memoryUsage()
  return { held: heapUsed + Math.max(arrayBuffers, external), rss }
}
