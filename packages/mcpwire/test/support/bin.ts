import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JsonRpcMessage } from '@mcpwire/core'
import { expect, onTestFinished, vi } from 'vitest'
import { PROGRAMS } from './programs.js'

/** The command line of this program. */
export const program: readonly string[] = [process.execPath, join(PROGRAMS, 'bin.mjs')]

/** The command line of this program, run from its sources without a bundle. */
export const sourceProgram: readonly string[] = [
  process.execPath,
  '--conditions=@mcpwire/source',
  '--import',
  'tsx',
  pathOf('../../src/bin.ts'),
]

/** The command line of one of the servers in `programs`. */
export function serverCommand(name: string, ...args: string[]): string[] {
  return [process.execPath, pathOf(`../programs/${name}.mjs`), ...args]
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}

/** A process of this program and its output. */
export interface Run {
  readonly process: ChildProcess
  /** Standard error, where log lines have no time, level, wire and caller. */
  readonly stderr: () => string
  readonly rawStderr: () => string
  readonly stdout: () => string
  /** Resolves with the exit code, or the signal, once all output was read. */
  readonly exit: Promise<number | NodeJS.Signals>
  send(message: JsonRpcMessage): void
  /** Resolves with the message with that id. */
  responseTo(id: string | number): Promise<JsonRpcMessage>
  /** Calls a method of the server. Resolves with its result. */
  call(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>
}

/** The time, the level and the source of a log line, and the stream for the output of a server. */
const LOG_PREFIX = /^\d{4}-\S+Z (?:debug|info|warn|error) (mcpwire bridge(?: #\d+)?).*?( stderr)?: /gm

/** Registers a callback for the end of a test: the running test, or one of several concurrent tests. */
export type WhenFinished = (end: () => void | Promise<void>) => void

/** Runs a command line. The process is killed at the end of the test. */
export function run(
  commandLine: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  whenFinished: WhenFinished = onTestFinished,
): Run {
  const [command = '', ...args] = commandLine
  const child = spawn(command, args, { env: { ...process.env, ...environment } })
  whenFinished(() => void child.kill('SIGKILL'))
  let [stdout, stderr, lastId] = ['', '', 0]
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {})
  const waiting = new Map<unknown, (message: JsonRpcMessage) => void>()
  // Not readline: in later versions of Node it also splits lines at U+2028.
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (waiting.size === 0) return
    for (const line of lines) {
      const message = JSON.parse(line)
      waiting.get(message.id)?.(message)
    }
  })
  const responseTo = (id: string | number): Promise<JsonRpcMessage> => {
    return new Promise((resolve) => waiting.set(id, resolve))
  }
  const send = (message: JsonRpcMessage): void => void child.stdin.write(`${JSON.stringify(message)}\n`)
  return {
    process: child,
    stdout: () => stdout,
    stderr: () =>
      stderr.replace(LOG_PREFIX, (_, name: string, stream?: string) => (stream ? '' : `${name}: `)),
    rawStderr: () => stderr,
    exit: once(child, 'close').then(([code, signal]) => code ?? signal),
    send,
    responseTo,
    call: async (method, params = {}) => {
      const id = `call ${++lastId}`
      const response = responseTo(id)
      send({ jsonrpc: '2.0', id, method, params })
      return ((await response) as { result: Record<string, unknown> }).result
    },
  }
}

/** The end of a process of this program. */
export interface Result {
  readonly code: unknown
  readonly text: string
  readonly stderr: string
}

/**
 * Runs a command line without input to its end. The text has both outputs, without the borders and line breaks of a
 * table.
 */
export async function result(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Result> {
  const running = run([...program, ...argv], environment)
  running.process.stdin?.end()
  const code = await running.exit
  const table = running
    .stdout()
    .replace(/[│┌┐└┘├┤┬┴┼─\n]/g, ' ')
    .replace(/\s+/g, ' ')
  return { code, text: `${table}\n${running.stderr()}`, stderr: running.stderr() }
}

/** Resolves once none of the processes runs. SIGKILL takes effect after the call that sends it. */
export async function untilGone(...pids: readonly number[]): Promise<void> {
  await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]))
}

/** Whether the process runs. A zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = `/proc/${pid}/stat`
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'))
}
