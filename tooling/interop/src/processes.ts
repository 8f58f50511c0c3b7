import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Command } from './cell.js'

/** A running program. */
export interface Program {
  /** The URL that it prints after `listening `. Rejects when it ends or the time is over. */
  readonly listening: (ms: number) => Promise<string>
  /** The result that it printed, and its exit code. Rejects when the time is over, or without a result. */
  readonly finished: (ms: number) => Promise<{ readonly line: string; readonly code: number | null }>
  /** Its last lines of standard error. */
  readonly lastLines: () => string
  /** Kills it with its descendants. Resolves when it has ended. */
  readonly stop: () => Promise<void>
}

const KEPT_LINES = 24
const LISTENING = /\blistening(?: on)? (\S+:\S+)/

/** Starts a program in a process group of its own, so that all its descendants end with it. */
export function start({ argv: [command = '', ...args], env }: Command): Program {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const output: string[] = []
  const errors: string[] = []
  let foundUrl: ((url: string) => void) | undefined
  const url = new Promise<string>((resolve) => {
    foundUrl = resolve
  })
  const ended = once(child, 'close')
  ended.catch((error: Error) => errors.push(error.message))
  for (const [stream, lines] of [
    [child.stdout, output],
    [child.stderr, errors],
  ] as const) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
      const address = LISTENING.exec(line)?.[1]
      if (address !== undefined) foundUrl?.(address)
    })
  }
  const within = async <T>(ms: number, what: string, work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} within ${ms} ms`)), ms)
    })
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }
  const endedEarly = ended.then(() => {
    throw new Error(`${command} ended before it listened`)
  })
  endedEarly.catch(() => {})
  return {
    listening: (ms) => within(ms, `${command} did not listen`, Promise.race([url, endedEarly])),
    finished: async (ms) => {
      const [code] = (await within(ms, `${command} did not end`, ended)) as [number | null]
      const last = output.findLast((line) => line.startsWith('{') && line.includes('"ok":'))
      if (last === undefined) throw new Error(`${command} printed no result, exit code ${code}`)
      return { line: last, code }
    },
    lastLines: () => errors.join('\n'),
    stop: async () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has ended.
      }
      await ended.catch(() => {})
    },
  }
}
