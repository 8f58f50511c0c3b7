import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The first line of a worker. */
interface Introduction {
  readonly key: string
  readonly address: string
}

/** The requests that a worker handles, by name. Arguments and results are plain data. */
type Handlers = Readonly<Record<string, (argument: never) => unknown>>

/** The connection of the harness to one worker. */
export interface WorkerLink {
  readonly address: string
  call(name: string, argument?: unknown): Promise<unknown>
  /** Closes the connection, so that the worker exits. */
  end(): void
}

/** The server to which workers connect. */
export interface ControlHost {
  readonly path: string
  /** Resolves when the worker with that key has connected. */
  worker(key: string): Promise<WorkerLink>
  /** Closes every connection, so that the workers exit. */
  close(): void
}

type Ask = { readonly id: number; readonly call: string; readonly argument?: unknown }
type Reply = { readonly id: number; readonly value?: unknown; readonly error?: string }

/**
 * Listens for workers on a local socket. The IPC channel of `fork` would not reach a server that a contestant starts, as
 * over stdio.
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
    for (const { reject } of waiting.values()) reject(new Error('the worker has disconnected'))
    waiting.clear()
  })
  createInterface({ input: socket }).on('line', (line) => {
    if (!isKnown) {
      isKnown = true
      const { key, address } = JSON.parse(line) as Introduction
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
        reject(new Error('the worker has disconnected'))
        return
      }
      const ask: Ask = { id: nextId++, call: name, argument }
      waiting.set(ask.id, { resolve, reject })
      socket.write(`${JSON.stringify(ask)}\n`)
    })
  }
}

/** Connects a worker to the harness. It handles requests, and exits when the connection closes. */
export function serveHarness(path: string, introduction: Introduction, handlers: Handlers): void {
  const socket = connect(path)
  socket.on('error', () => process.exit(1))
  socket.on('close', () => process.exit(0))
  socket.write(`${JSON.stringify(introduction)}\n`)
  createInterface({ input: socket }).on('line', (line) => {
    const { id, call, argument } = JSON.parse(line) as Ask
    sendResponse(id, async () => await handlers[call]?.(argument as never))
  })

  function sendResponse(id: number, work: () => Promise<unknown>): void {
    const send = (reply: Reply): void => void socket.write(`${JSON.stringify(reply)}\n`)
    work().then(
      (value) => send({ id, value }),
      (error: Error) => send({ id, error: error.stack ?? String(error) }),
    )
  }
}
