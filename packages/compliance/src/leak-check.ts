import { readdirSync } from 'node:fs'
import { turns, until } from './waiting.js'

/** A comparison of the resources of this process with an earlier time. */
export interface LeakCheck {
  /** Resolves once all additional resources are released. Rejects after `graceMs` with a list of the rest. */
  released(graceMs: number): Promise<void>
  /** The additional resources, one line each. */
  extra(): string[]
}

const OPEN_FILES = '/proc/self/fd'

/**
 * Records the resources that keep the process alive, its open files (on Linux) and its event listeners. The check is of
 * the whole process: nothing else may run meanwhile.
 *
 * @example
 * ```ts
 * const leaks = await startLeakCheck()
 * await transport.start()
 * await transport.close()
 * await leaks.released(1_000)
 * ```
 */
export async function startLeakCheck(): Promise<LeakCheck> {
  await turns()
  const before = countResources()
  const extra = (): string[] => {
    const lines: string[] = []
    for (const [kind, count] of countResources()) {
      const added = count - (before.get(kind) ?? 0)
      if (added > 0) lines.push(`${added} × ${kind}`)
    }
    return lines
  }
  return {
    extra,
    released: async (graceMs) => {
      let remaining: string[] = []
      const isReleased = (): boolean => {
        remaining = extra()
        return remaining.length === 0
      }
      await until(isReleased, 'everything was released', graceMs).catch(() => {
        throw new Error(`resources leaked: ${remaining.join(', ')} (${graceMs} ms after the end)`)
      })
    },
  }
}

function countResources(): Map<string, number> {
  const counts = new Map<string, number>()
  const count = (kind: string, more: number): void => {
    counts.set(kind, (counts.get(kind) ?? 0) + more)
  }
  // The check itself uses immediates.
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
    // Linux only.
    return 0
  }
}
