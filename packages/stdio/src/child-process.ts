import { type ChildProcess, spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { TransportError } from '@mcpwire/core'
import { endWithThisProcess } from './live-children.js'
import { isTreeAlive, killTree } from './process-tree.js'
import type { Tree } from './shutdown.js'

/** What to run. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string | undefined
  readonly env: Record<string, string>
}

/** How a child ended. */
export interface Exit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** Whether it was told to by `kill` before it did. */
  readonly isByUs: boolean
}

/** A child that runs, with its streams and its whole tree. */
export interface Child extends Tree {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: Promise<Exit>
  /** Lets go of its streams. It is no longer ended with this process. */
  release(): void
}

/**
 * Starts a program in a process group of its own. Rejects with `CONNECT_FAILED`, which names the option at fault
 * where that can be told. When the signal aborts meanwhile, the child is killed.
 */
export async function startChild(command: Command, address: string, signal: AbortSignal): Promise<Child> {
  signal.throwIfAborted()
  let child: ChildProcess
  try {
    child = await spawned(command)
  } catch (cause) {
    throw await startFailed(command, address, cause as NodeJS.ErrnoException)
  }
  const running = runningChild(child)
  if (!signal.aborted) return running
  running.kill('SIGKILL')
  await running.exited
  running.release()
  throw signal.reason
}

async function spawned({ command, args, cwd, env }: Command): Promise<ChildProcess> {
  // Loaded where it does something: elsewhere it passes on what it is given, and loading it takes 9 ms of a start.
  const start = process.platform === 'win32' ? (await import('cross-spawn')).default : spawn
  // Some failures are thrown at once, such as too long a list of arguments.
  const child = start(command, [...args], {
    env,
    ...(cwd !== undefined && { cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    // Stays for good: an emitter without it takes the process down.
    child.on('error', reject)
  })
  return child
}

function runningChild(child: ChildProcess): Child {
  const pid = child.pid as number
  const forget = endWithThisProcess(pid)
  let isKilled = false
  const exited = new Promise<Exit>((resolve) => {
    const settle = (): void => {
      const { exitCode, signalCode } = child
      resolve({ exitCode, signal: signalCode, isByUs: isKilled })
    }
    child.once('exit', settle)
    // On Windows cross-spawn tells of a program that cmd.exe did not find by this in place of 'exit'.
    child.once('error', settle)
  })
  const { stdin, stdout, stderr } = child as { stdin: Writable; stdout: Readable; stderr: Readable }
  return {
    pid,
    stdin,
    stdout,
    stderr,
    exited,
    isAlive: () => isTreeAlive(pid),
    kill: (signal) => {
      isKilled = true
      killTree(pid, signal)
    },
    release: () => {
      forget()
      for (const stream of [stdin, stdout, stderr]) stream.destroy()
    },
  }
}

async function startFailed(command: Command, address: string, cause: NodeJS.ErrnoException): Promise<Error> {
  // Arguments may be secrets, and errors are logged.
  delete (cause as { spawnargs?: unknown }).spawnargs
  const message = `cannot start ${address}: ${await reasonFor(command, cause)}`
  return new TransportError('CONNECT_FAILED', message, { address }, { cause })
}

/** The system says ENOENT for a missing program and for a missing working directory alike. */
async function reasonFor({ command, cwd }: Command, cause: NodeJS.ErrnoException): Promise<string> {
  if (cwd !== undefined) {
    const found = await stat(cwd).catch((error: Error) => error)
    if (found instanceof Error) return `option "cwd" (${cwd}) cannot be entered: ${found.message}`
    if (!found.isDirectory()) return `option "cwd" (${cwd}) is not a directory`
  }
  if (cause.code === 'ENOENT') return `option "command" (${command}) was not found; PATH was searched for it`
  if (cause.code === 'EACCES')
    return `option "command" (${command}) is not a program this user may run, or "cwd" not a directory it may enter: ${cause.message}`
  if (cause.code === 'E2BIG') return 'options "args" and "env" together are longer than the system takes'
  return cause.message
}
