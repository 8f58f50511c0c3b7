import { readdirSync } from 'node:fs'
import { turns, until } from './waiting.js'

/** What this process held at one moment. */
export interface LeakCheck {
  /** Resolves once nothing is held beyond what was then; rejects, naming the rest, after `graceMs`. */
  released(graceMs: number): Promise<void>
  /** What is held now beyond what was then, as lines a person can read. */
  extra(): string[]
}

const OPEN_FILES = '/proc/self/fd'

/**
 * Notes which resources keep the process alive, how many files it has open (where the system tells) and who
 * listens to its events, to compare with later. The comparison is of the whole process: nothing else may run
 * meanwhile.
 */
export async function startLeakCheck(): Promise<LeakCheck> {
  await turns()
  const before = holdings()
  const extra = (): string[] => {
    const lines: string[] = []
    for (const [kind, count] of holdings()) {
      const more = count - (before.get(kind) ?? 0)
      if (more > 0) lines.push(`${more} × ${kind}`)
    }
    return lines
  }
  return {
    extra,
    released: async (graceMs) => {
      let left: string[] = []
      const fact = (): boolean => {
        left = extra()
        return left.length === 0
      }
      await until(fact, 'everything was released', graceMs).catch(() => {
        throw new Error(`still held ${graceMs} ms after the end: ${left.join(', ')}`)
      })
    },
  }
}

function holdings(): Map<string, number> {
  const counts = new Map<string, number>()
  const count = (kind: string, howMany: number): void => {
    counts.set(kind, (counts.get(kind) ?? 0) + howMany)
  }
  // An immediate is how the check itself waits.
  for (const kind of process.getActiveResourcesInfo()) if (kind !== 'Immediate') count(kind, 1)
  for (const name of process.eventNames()) {
    count(`listener of process '${String(name)}'`, process.listenerCount(name))
  }
  count('open file', openFiles())
  return counts
}

function openFiles(): number {
  try {
    return readdirSync(OPEN_FILES).length
  } catch {
    // Only Linux tells.
    return 0
  }
}
