import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { buildPrograms } from '@mcpwire/test-support/build-programs'
import { setup } from '../../support/build-programs.js'
import { PROGRAMS } from '../../support/programs.js'

/** Where the programs of the soaks are built. */
const BUILT = join(PROGRAMS, 'soak')
/** Packages that cannot be bundled as modules. */
const EXTERNAL = ['undici', 'ws', 'commander', 'cross-spawn', 'tough-cookie', 'node-fetch']

/** Builds the command line and the programs of the soaks. */
export async function buildSoakPrograms(): Promise<void> {
  await setup()
  await buildPrograms(new URL('../programs/', import.meta.url), BUILT, EXTERNAL)
}

/** The path of a built program. */
export function programPath(name: string): string {
  return join(BUILT, `${name}.mjs`)
}

/** The command of a server of the tools over stdio. */
export function toolServerCommand(): string[] {
  return [process.execPath, programPath('stdio-server')]
}

/** A process with a channel for messages, or with the output of the command line. */
export interface Running {
  readonly process: ChildProcess
  readonly pid: number
  readonly stderr: () => string
  readonly isAlive: () => boolean
  /** The exit code or the signal, once it has ended. */
  readonly end: () => string
  /** Sends a command and resolves with the next message. */
  ask<T>(command: object): Promise<T>
  kill(): Promise<void>
}

/** Starts a built program with a channel for messages. */
export function startProgram(
  name: string,
  args: readonly string[],
  { flags = [], env = {} }: StartOptions = {},
): Running {
  const child = fork(programPath(name), args, {
    execArgv: [...flags],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  return running(child)
}

/** Options of a process. */
export interface StartOptions {
  /** Flags of Node. */
  readonly flags?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

/** Starts Node with a limit on open files, through a shell that replaces itself. */
export function startLimited(
  args: readonly string[],
  {
    maxFiles,
    env = {},
    hasChannel = false,
  }: { maxFiles?: number; env?: NodeJS.ProcessEnv; hasChannel?: boolean },
): Running {
  const limit = maxFiles === undefined ? '' : `ulimit -n ${maxFiles}; `
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', ...(hasChannel ? ['ipc' as const] : [])],
  })
  return running(child)
}

const MAX_STDERR = 2_000_000

function running(child: ChildProcess): Running {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (stderr.length < MAX_STDERR) stderr += chunk
  })
  const closed = once(child, 'close')
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null
  return {
    process: child,
    pid: child.pid as number,
    stderr: () => stderr,
    isAlive,
    end: () => (isAlive() ? 'alive' : `exit ${child.exitCode ?? child.signalCode}`),
    ask: async <T>(command: object) => {
      const controller = new AbortController()
      const { signal } = controller
      try {
        if (isAlive()) child.send(command)
        const ended = once(child, 'close', { signal }).then(() => {
          throw new Error(`the process ended: ${stderr.slice(-500)}`)
        })
        const [message] = await Promise.race([once(child, 'message', { signal }), ended])
        return message as T
      } finally {
        controller.abort()
      }
    },
    kill: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** The largest memory of a process since the last call, in MB; `undefined` if it has ended. */
export function takePeakMegabytes(pid: number): number | undefined {
  const path = `/proc/${pid}/status`
  if (!existsSync(path)) return undefined
  const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(path, 'utf8'))?.[1]
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Without that right the peak is that of the whole life of the process.
  }
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024)
}

/** The child processes of a process. The list in its own folder of /proc is incomplete while it starts others. */
export function childrenOf(pid: number): number[] {
  const parent = new RegExp(`^\\d+ \\(.*\\) [^Z] ${pid} `, 's')
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return parent.test(readFileSync(`/proc/${name}/stat`, 'utf8'))
      } catch {
        // It has ended meanwhile.
        return false
      }
    })
    .map(Number)
}

/** Resolves with the address of a bridge once it listens. */
export async function listeningAddress(bridge: Running): Promise<string> {
  for (;;) {
    const address = /listening on (\S+)/.exec(bridge.stderr())?.[1]
    if (address !== undefined) return address
    if (!bridge.isAlive()) throw new Error(`the bridge ended: ${bridge.stderr()}`)
    await sleep(10)
  }
}

/** The folder of committed results. */
export const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))
