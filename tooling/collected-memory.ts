import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What this process holds after its garbage was collected. */
interface CollectedMemory {
  /** Heap and buffers together, in bytes. */
  readonly held: number
  /** Resident pages, in bytes: what the allocator has not given back is among them. */
  readonly rss: number
}

/** Collects garbage until what finalizers and callbacks release is collected too, and measures. */
export async function collectedMemory(): Promise<CollectedMemory> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let times = 0; times < 3; times++) {
    collect()
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, arrayBuffers, external, rss } = process.memoryUsage()
  return { held: heapUsed + Math.max(arrayBuffers, external), rss }
}
