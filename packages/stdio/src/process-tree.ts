import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isThere } from './is-there.js'

/** How hard to ask. */
export type KillSignal = 'SIGTERM' | 'SIGKILL'

/** What reading of a process fails with that has been collected. */
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH'])

/** What the system offers to end processes. */
export interface KillSystem {
  readonly platform: string
  /** As `process.kill`. */
  kill(pid: number, signal: KillSignal | 0): void
  /** The processes of a group that have not exited, where the system can list them; undefined where it fails to. */
  runningIn?(group: number): number | undefined
  /** Runs a program without waiting for it. */
  run(command: string, args: readonly string[]): void
}

/** The system this process runs on. */
const ownSystem: KillSystem = {
  platform: process.platform,
  kill: (pid, signal) => void process.kill(pid, signal),
  ...(process.platform === 'linux' && { runningIn: (group: number) => runningInGroup(group, '/proc') }),
  run: (command, args) => {
    spawn(command, args, { stdio: 'ignore', windowsHide: true }).on('error', () => {})
  },
}

/**
 * Asks a process and all it started to end. On POSIX the process must lead its own group. Windows has no way to
 * ask: the tree is ended at once, by `taskkill`, and only by `SIGKILL`. Returns whether anything was there.
 */
export function killTree(pid: number, signal: KillSignal, system: KillSystem = ownSystem): boolean {
  if (system.platform !== 'win32') return signalGroup(pid, signal, system)
  if (signal === 'SIGTERM') return isAlive(pid, system)
  system.run('taskkill', ['/pid', String(pid), '/T', '/F'])
  return true
}

/** Whether anything is left of a process and all it started; on Windows, whether the process is. */
export function isTreeAlive(pid: number, system: KillSystem = ownSystem): boolean {
  if (system.platform === 'win32') return isAlive(pid, system)
  // A group of processes that have exited and wait for a parent to notice takes signals, but is nobody any more.
  return signalGroup(pid, 0, system) && (system.runningIn?.(pid) ?? 1) > 0
}

/**
 * Counts those of a group that have not exited in a folder such as `/proc`: one line each, `pid (name) state parent
 * group …` (proc(5)). Undefined where it cannot tell: without a file to open, or in a folder that hides processes.
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

/** Undefined for a process that is gone. Throws where it cannot be read. */
function statOf(path: string): { state: string; group: number } | undefined {
  try {
    const line = readFileSync(path, 'latin1')
    // The name may hold anything, parentheses and spaces included; what follows the last one may not.
    const [state = '', , group] = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return { state, group: Number(group) }
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code)) return undefined
    throw error
  }
}

function signalGroup(pid: number, signal: KillSignal | 0, system: KillSystem): boolean {
  return isThere(() => system.kill(-pid, signal))
}

function isAlive(pid: number, system: KillSystem): boolean {
  return isThere(() => system.kill(pid, 0))
}
