import { type ChildProcess, spawn } from 'node:child_process'

const POSIX = process.platform !== 'win32'

const running = new Set<ChildProcess>()

/** A child process, with its output so far. */
export interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  /** Settles with the exit code, once. */
  readonly exited: Promise<number | null>
}

/** Starts Node in a process group of its own, so that all its descendants end with it. */
export function startNode(args: readonly string[]): Started {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: POSIX,
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', resolve)
    child.once('error', () => resolve(null))
  })
  return { child, output: () => output, exited }
}

/** Kills a process and its descendants. */
export function stop({ child }: Pick<Started, 'child'>): void {
  running.delete(child)
  try {
    if (POSIX && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // The group has ended.
  }
}

/** Waits for a process, then kills it after the limit. Resolves with `true` when it ended in time. */
export async function finish(started: Started, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), limitMs)
  })
  const first = await Promise.race([started.exited, late])
  clearTimeout(timer)
  stop(started)
  return first !== 'late'
}

/** Kills the processes that still run when this process exits. */
export function stopAllAtExit(): void {
  process.once('exit', () => {
    for (const child of [...running]) stop({ child })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
}
