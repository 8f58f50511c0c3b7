import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { type ErrorDetails, TransportError } from '@mcpwire/core'
import { type Command, type CommandFault, inspectCommand } from './command-check.js'
import { isTreeAlive, killTree } from './process-tree.js'
import type { ProcessTree } from './shutdown.js'

// The life of a child:
//
//   startChild ──▶ starting ──'spawn'──▶ running ──▶ exited ──▶ released
//                     │                     │
//                     │ 'error'             └─ kill(signal): signals the process group; marks the exit as ours
//                     ▼
//               CONNECT_FAILED
//
// An abort while starting kills the child, waits for its exit, and rejects with the reason of the signal.
// Until `release()` the process group is killed when this process exits first.

/** How a child exited. */
export interface Exit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** Whether `kill` was called before the exit. */
  readonly isByUs: boolean
}

/** A running child with its streams and descendants. */
export interface Child extends ProcessTree {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: Promise<Exit>
  /** Destroys the streams. From then on the child is not killed when this process exits. */
  release(): void
}

/**
 * Starts a program in a process group of its own. Rejects with `CONNECT_FAILED`, with the option at fault in its
 * details where that is known. An abort of the signal kills the child.
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
  // Loaded on Windows only: elsewhere cross-spawn changes nothing, and loading it takes 9 ms.
  const start = process.platform === 'win32' ? (await import('cross-spawn')).default : spawn
  // Some failures throw synchronously, such as too long a list of arguments.
  const child = start(command, [...args], {
    env,
    ...(cwd !== undefined && { cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    // Never removed: an 'error' event without a listener is an uncaught exception.
    child.on('error', reject)
  })
  return child
}

function runningChild(child: ChildProcess): Child {
  const pid = child.pid as number
  const cancelKillOnExit = killOnExit(pid)
  let isKilled = false
  const exited = new Promise<Exit>((resolve) => {
    const settle = (): void => {
      const { exitCode, signalCode } = child
      resolve({ exitCode, signal: signalCode, isByUs: isKilled })
    }
    child.once('exit', settle)
    // On Windows cross-spawn emits this in place of 'exit' for a program that cmd.exe did not find.
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
      cancelKillOnExit()
      for (const stream of [stdin, stdout, stderr]) stream.destroy()
    },
  }
}

/** The children to kill when this process exits. */
const running = new Set<number>()

/**
 * Kills the process group of a child when this process exits first. Returns a function that cancels it.
 *
 * A signal to the group of this process does not reach the child, which leads a group of its own. The end of its input
 * does, but the child may ignore that.
 */
function killOnExit(pid: number): () => void {
  if (running.size === 0) process.on('exit', killAll)
  running.add(pid)
  return () => {
    running.delete(pid)
    if (running.size === 0) process.off('exit', killAll)
  }
}

function killAll(): void {
  for (const pid of running) killTree(pid, 'SIGKILL')
}

async function startFailed(command: Command, address: string, cause: NodeJS.ErrnoException): Promise<Error> {
  // Errors are logged, and arguments may be secrets.
  delete (cause as { spawnargs?: unknown }).spawnargs
  return startError(address, await diagnose(command, cause), cause)
}

/** The error for a program that cannot be started. */
export function startError(address: string, { why, ...advice }: CommandFault, cause?: Error): Error {
  const details: ErrorDetails<'CONNECT_FAILED'> = { address, ...advice }
  return new TransportError('CONNECT_FAILED', `cannot start ${address}: ${why}`, details, { cause })
}

/** Why the system has no means for another process. The program is not at fault, and cannot be checked without them. */
const SHORTAGES: Readonly<Record<string, CommandFault>> = {
  EMFILE: {
    why: 'this process has too many open files',
    hint: 'raise the limit of open files (ulimit -n), or serve fewer clients at once',
  },
  ENFILE: {
    why: 'this machine has too many open files',
    hint: 'raise the limit of the system, such as fs.file-max on Linux',
  },
  EAGAIN: {
    why: 'this user has too many processes',
    hint: 'raise the limit of processes (ulimit -u), or serve fewer clients at once',
  },
  ENOMEM: { why: 'the system has too little memory', hint: 'serve fewer clients at once' },
}

/** The system reports ENOENT for a missing program, interpreter and working directory alike. */
async function diagnose(command: Command, cause: NodeJS.ErrnoException): Promise<CommandFault> {
  const fault = SHORTAGES[cause.code ?? ''] ?? (await inspectCommand(command))
  if (fault) return fault
  const shown = `option "command" (${command.command})`
  switch (cause.code) {
    case 'ENOENT':
      return { why: `${shown} was not found, or needs a program that was not found`, option: 'command' }
    case 'EACCES':
      return {
        why: `${shown} cannot be executed: ${cause.message}`,
        option: 'command',
        hint: 'check the permissions of the program and of option "cwd"',
      }
    case 'E2BIG':
      return { why: 'option "args" and option "env" together exceed the system limit', option: 'args' }
    default:
      return { why: cause.message }
  }
}
