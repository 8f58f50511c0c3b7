import { readdirSync, readFileSync } from 'node:fs'
import { until } from '@mcpwire/compliance'

export const TIMEOUT_MS = 30_000

/** The running processes with that environment variable. */
export function processesWith(name: string, value: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => isRunning(pid) && readOf(pid, 'environ').split('\0').includes(`${name}=${value}`))
}

/** Whether a process runs. A zombie does not. */
export function isRunning(pid: number): boolean {
  const stat = readOf(pid, 'stat')
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  return state !== '' && state !== 'Z' && state !== 'X'
}

/** Resolves once no process with that environment variable runs. SIGKILL takes effect after the call that sends it. */
export async function untilNoneWith(name: string, value: string): Promise<void> {
  await until(() => processesWith(name, value).length === 0, `no process with ${name}=${value}`, TIMEOUT_MS)
}

export async function untilGone(pid: number): Promise<void> {
  await until(() => !isRunning(pid), `process ${pid} is gone`, TIMEOUT_MS)
}

function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
