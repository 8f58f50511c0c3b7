import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ControlHost, WorkerLink } from './control.js'
import type { Figures } from './figures.js'
import type { Contestant, Load } from './suite.js'

/** The processes of one contestant, connected and ready for a load. */
export interface Pair {
  /** Loads it without measuring. No garbage is collected afterwards: V8 could discard compiled code with it. */
  warmUp(load: Load, milliseconds: number): Promise<void>
  run(load: Load, milliseconds: number): Promise<Figures>
  close(): Promise<void>
}

interface Usage {
  readonly cpuMicros: number
  readonly rssBytes: number
  readonly grownBytes: number
}

/** Limit for starting a process, and for ending a measurement after its time. One message can take seconds. */
const TIMEOUT_MS = 60_000
const STDERR_TAIL = 4000
const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))

let nextPair = 0

/** Starts the processes of a contestant. */
export async function openPair(host: ControlHost, suite: string, contestant: Contestant): Promise<Pair> {
  const key = `${process.pid}-${nextPair++}`
  const processes: WorkerProcess[] = []
  const start = (role: 'client' | 'server', address: string): Promise<WorkerLink> => {
    const { id, worker: program = WORKER, idInWorker = id } = contestant
    const worker = new WorkerProcess([program, host.path, suite, idInWorker, role, key, address])
    processes.push(worker)
    return worker.unlessExited(host.worker(`${key}:${role}`))
  }
  try {
    const { server } = contestant
    const early = server?.startedBy === 'harness' ? await start('server', '') : undefined
    const client = await start('client', early?.address ?? '')
    const far = early ?? (server && (await settleWithin(host.worker(`${key}:server`), 'starting the server')))
    return pairOf(client, far, processes)
  } catch (error) {
    for (const worker of processes) worker.kill()
    throw error
  }
}

function pairOf(client: WorkerLink, server: WorkerLink | undefined, processes: WorkerProcess[]): Pair {
  const measured = async (load: Load, milliseconds: number): Promise<Figures> => {
    await server?.call('mark')
    const figures = (await client.call('run', { loadId: load.id, milliseconds })) as Figures
    const usage = (await server?.call('usage')) as Usage | undefined
    return usage ? withServer(figures, usage) : figures
  }
  const watched = <T>(work: Promise<T>, load: Load, milliseconds: number): Promise<T> =>
    processes.reduce(
      (result, worker) => worker.unlessExited(result),
      settleWithin(work, load.label, milliseconds),
    )
  return {
    warmUp: async (load, milliseconds) => {
      await watched(client.call('warmUp', { loadId: load.id, milliseconds }), load, milliseconds)
    },
    run: (load, milliseconds) => watched(measured(load, milliseconds), load, milliseconds),
    close: async () => {
      await settleWithin(client.call('close'), 'closing', 0).catch(() => {})
      client.end()
      server?.end()
      await Promise.all(processes.map((worker) => worker.stop()))
    },
  }
}

function withServer(figures: Figures, usage: Usage): Figures {
  const serverCpuMicrosPerMessage = usage.cpuMicros / figures.messages
  return {
    ...figures,
    cpuMicrosPerMessage: figures.cpuMicrosPerMessage + serverCpuMicrosPerMessage,
    serverCpuMicrosPerMessage,
    serverRssBytes: usage.rssBytes,
    ...(figures.connections !== undefined && {
      bytesPerConnection: (figures.bytesPerConnection ?? 0) + usage.grownBytes / figures.connections,
    }),
  }
}

class WorkerProcess {
  readonly #child: ChildProcess
  readonly #failed: Promise<never>
  readonly #exited: Promise<void>
  #stderr = ''

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [...process.execArgv, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_TAIL)
    })
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', () => resolve())
      this.#child.once('error', () => resolve())
    })
    this.#failed = this.#exited.then(() => {
      throw new Error(`a worker ended (${this.#child.exitCode ?? this.#child.signalCode})\n${this.#stderr}`)
    })
    this.#failed.catch(() => {})
  }

  /** The result. Rejects when the process exits or does not respond in time. */
  unlessExited<T>(result: Promise<T>): Promise<T> {
    // The standard error of the worker explains more than the closed connection, which can be reported first.
    const explained = result.catch(async (error: Error) => {
      await Promise.race([this.#failed, new Promise((resolve) => setTimeout(resolve, 200))])
      throw error
    })
    return settleWithin(Promise.race([explained, this.#failed]), 'a response')
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    const timer = setTimeout(() => this.kill(), 3000)
    await this.#exited
    clearTimeout(timer)
  }
}

function settleWithin<T>(work: Promise<T>, what: string, extraMs = 0): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = TIMEOUT_MS + extraMs
    const timer = setTimeout(() => reject(new Error(`${what} took longer than ${limit} ms`)), limit)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
