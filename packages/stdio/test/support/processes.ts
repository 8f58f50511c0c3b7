import { readdirSync, readFileSync } from 'node:fs'
import { until } from '@mcpwire/compliance'

export const PATIENCE_MS = 10_000
/** Moments are checked with this much slack: machines that run tests are busy. */
export const SLACK = 10

/** The processes that have not exited and whose environment has that variable. */
export function processesWith(name: string, value: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => isRunning(pid) && readOf(pid, 'environ').split('\0').includes(`${name}=${value}`))
}

/** Whether a process is there that is more than an exit code somebody has yet to collect. */
export function isRunning(pid: number): boolean {
  const stat = readOf(pid, 'stat')
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  return state !== '' && state !== 'Z' && state !== 'X'
}

export async function untilGone(pid: number): Promise<void> {
  await until(() => !isRunning(pid), `process ${pid} is gone`, PATIENCE_MS)
}

function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
