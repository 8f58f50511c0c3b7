import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ControlHost, WorkerLink } from './control.js'
import type { Figures } from './figures.js'
import type { Contestant, Load } from './suite.js'

/** The process or processes of one contestant, connected and waiting to be loaded. */
export interface Pair {
  /** Loads it without a figure. No garbage is collected after that, which would let V8 forget what it has compiled. */
  warmUp(load: Load, milliseconds: number): Promise<void>
  run(load: Load, milliseconds: number): Promise<Figures>
  close(): Promise<void>
}

interface Usage {
  readonly cpuMicros: number
  readonly rssBytes: number
  readonly grownBytes: number
}

/** Longest that starting, or ending a measurement beyond its time, may take. One message may take seconds. */
const PATIENCE_MS = 60_000
const STDERR_TAIL = 4000
const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))

let nextPair = 0

/** Starts the process or processes of a contestant. */
export async function openPair(host: ControlHost, suite: string, contestant: Contestant): Promise<Pair> {
  const key = `${process.pid}-${nextPair++}`
  const processes: WorkerProcess[] = []
  const start = (role: 'client' | 'server', address: string): Promise<WorkerLink> => {
    const { id, worker: program = WORKER, idInWorker = id } = contestant
    const worker = new WorkerProcess([program, host.path, suite, idInWorker, role, key, address])
    processes.push(worker)
    return worker.orGone(host.worker(`${key}:${role}`))
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
    processes.reduce((result, worker) => worker.orGone(result), settleWithin(work, load.label, milliseconds))
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
  readonly #gone: Promise<never>
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
    this.#gone = this.#exited.then(() => {
      throw new Error(`a worker ended (${this.#child.exitCode ?? this.#child.signalCode})\n${this.#stderr}`)
    })
    this.#gone.catch(() => {})
  }

  /** The result, unless the process is gone or silent before. */
  orGone<T>(result: Promise<T>): Promise<T> {
    // What the worker says of its end is worth more than that the line broke, which may be seen first.
    const explained = result.catch(async (error: Error) => {
      await Promise.race([this.#gone, new Promise((resolve) => setTimeout(resolve, 200))])
      throw error
    })
    return settleWithin(Promise.race([explained, this.#gone]), 'an answer')
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    const patience = setTimeout(() => this.kill(), 3000)
    await this.#exited
    clearTimeout(patience)
  }
}

function settleWithin<T>(work: Promise<T>, what: string, extraMs = 0): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = PATIENCE_MS + extraMs
    const patience = setTimeout(() => reject(new Error(`${what} took longer than ${limit} ms`)), limit)
    work.then(resolve, reject).finally(() => clearTimeout(patience))
  })
}
