import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** What a worker says first. */
interface Hello {
  readonly key: string
  readonly address: string
}

/** What a worker can be asked: by name, with and for plain data. */
type Handlers = Readonly<Record<string, (argument: never) => unknown>>

/** The harness's end of the line to one worker. */
export interface WorkerLink {
  readonly address: string
  call(name: string, argument?: unknown): Promise<unknown>
  /** Tells the worker to exit. */
  end(): void
}

/** Where workers report. */
export interface ControlHost {
  readonly path: string
  /** Resolves when the worker with that key has said hello. */
  worker(key: string): Promise<WorkerLink>
  /** Breaks every line, upon which the workers exit. */
  close(): void
}

type Ask = { readonly id: number; readonly call: string; readonly argument?: unknown }
type Reply = { readonly id: number; readonly value?: unknown; readonly error?: string }

/**
 * Opens the line on which workers report. A local socket, not the IPC channel of `fork`: a server that is started by a
 * contestant, as over stdio, has to be able to report too.
 */
export async function listenForWorkers(): Promise<ControlHost> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpwire-bench-'))
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${folder.slice(3)}` : join(folder, 'control')
  const arrived = new Map<string, WorkerLink>()
  const awaited = new Map<string, (link: WorkerLink) => void>()
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    linkTo(socket, (key, link) => {
      const resolve = awaited.get(key)
      awaited.delete(key)
      if (resolve) resolve(link)
      else arrived.set(key, link)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return {
    path,
    worker: (key) =>
      new Promise((resolve) => {
        const link = arrived.get(key)
        arrived.delete(key)
        if (link) resolve(link)
        else awaited.set(key, resolve)
      }),
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function linkTo(socket: Socket, greet: (key: string, link: WorkerLink) => void): void {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let nextId = 0
  let isKnown = false
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the worker has gone'))
    waiting.clear()
  })
  createInterface({ input: socket }).on('line', (line) => {
    if (!isKnown) {
      isKnown = true
      const { key, address } = JSON.parse(line) as Hello
      greet(key, { address, call, end: () => socket.destroy() })
      return
    }
    const { id, value, error } = JSON.parse(line) as Reply
    const caller = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) caller?.resolve(value)
    else caller?.reject(new Error(error))
  })

  function call(name: string, argument?: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (socket.destroyed) {
        reject(new Error('the worker has gone'))
        return
      }
      const ask: Ask = { id: nextId++, call: name, argument }
      waiting.set(ask.id, { resolve, reject })
      socket.write(`${JSON.stringify(ask)}\n`)
    })
  }
}

/** The worker's end: says hello, carries out what it is asked, and exits when the line breaks. */
export function serveHarness(path: string, hello: Hello, handlers: Handlers): void {
  const socket = connect(path)
  socket.on('error', () => process.exit(1))
  socket.on('close', () => process.exit(0))
  socket.write(`${JSON.stringify(hello)}\n`)
  createInterface({ input: socket }).on('line', (line) => {
    const { id, call, argument } = JSON.parse(line) as Ask
    answer(id, async () => await handlers[call]?.(argument as never))
  })

  function answer(id: number, work: () => Promise<unknown>): void {
    const tell = (reply: Reply): void => void socket.write(`${JSON.stringify(reply)}\n`)
    work().then(
      (value) => tell({ id, value }),
      (error: Error) => tell({ id, error: error.stack ?? String(error) }),
    )
  }
}
