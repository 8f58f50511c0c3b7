import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { processExists } from './process-exists.js'

/** The signals that end a process tree. */
export type KillSignal = 'SIGTERM' | 'SIGKILL'

/** Error codes for a process that has been reaped. */
const REAPED: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH'])

/** The system calls that end processes. */
export interface KillSystem {
  readonly platform: string
  /** As `process.kill`. */
  kill(pid: number, signal: KillSignal | 0): void
  /** Counts the running processes of a group. Absent or `undefined` where the system cannot list them. */
  countRunning?(group: number): number | undefined
  /** Starts a program and does not wait for it. */
  run(command: string, args: readonly string[]): void
}

const ownSystem: KillSystem = {
  platform: process.platform,
  kill: (pid, signal) => void process.kill(pid, signal),
  ...(process.platform === 'linux' && { countRunning: (group: number) => runningInGroup(group, '/proc') }),
  run: (command, args) => {
    spawn(command, args, { stdio: 'ignore', windowsHide: true }).on('error', () => {})
  },
}

/**
 * Sends a signal to a process and its descendants. Returns whether there was a process.
 *
 * On POSIX the process must lead its own group. Windows has no SIGTERM: there only `SIGKILL` has an effect, by
 * `taskkill`.
 */
export function killTree(pid: number, signal: KillSignal, system: KillSystem = ownSystem): boolean {
  if (system.platform !== 'win32') return signalGroup(pid, signal, system)
  if (signal === 'SIGTERM') return isAlive(pid, system)
  system.run('taskkill', ['/pid', String(pid), '/T', '/F'])
  return true
}

/** Whether a process or a descendant is alive. On Windows, whether the process is. */
export function isTreeAlive(pid: number, system: KillSystem = ownSystem): boolean {
  if (system.platform === 'win32') return isAlive(pid, system)
  // A group of zombies accepts signals, although none of its processes runs.
  return signalGroup(pid, 0, system) && (system.countRunning?.(pid) ?? 1) > 0
}

/**
 * Counts the running processes of a group in a folder such as `/proc`, where a line of `stat` is `pid (name) state
 * parent group …` (proc(5)). `undefined` where the folder cannot be read, or hides processes.
 */
export function runningInGroup(group: number, folder: string): number | undefined {
  try {
    const pids = readdirSync(folder).filter((name) => /^\d+$/.test(name))
    if (!pids.includes(String(process.pid))) return undefined
    const stats = pids.map((pid) => statOf(join(folder, pid, 'stat')))
    return stats.filter((stat) => stat?.group === group && stat.state !== 'Z' && stat.state !== 'X').length
  } catch {
    return undefined
  }
}

/** `undefined` for a process that has been reaped. Throws where the file cannot be read. */
function statOf(path: string): { state: string; group: number } | undefined {
  try {
    const line = readFileSync(path, 'latin1')
    // The name may contain parentheses and spaces. The fields behind the last parenthesis do not.
    const [state = '', , group] = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return { state, group: Number(group) }
  } catch (error) {
    if (REAPED.has((error as NodeJS.ErrnoException).code)) return undefined
    throw error
  }
}

function signalGroup(pid: number, signal: KillSignal | 0, system: KillSystem): boolean {
  return processExists(() => system.kill(-pid, signal))
}

function isAlive(pid: number, system: KillSystem): boolean {
  return processExists(() => system.kill(pid, 0))
}
