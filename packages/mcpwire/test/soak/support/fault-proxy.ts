import { once } from 'node:events'
import {
  type AddressInfo,
  connect,
  createServer,
  type NetConnectOpts,
  type Server,
  type Socket,
} from 'node:net'

/** A fault of the network. A stall ends by itself; lost packets stay lost. */
export type NetworkFault = 'reset' | 'end' | 'stall' | 'bytewise' | 'cut' | 'lost'

/** A proxy that passes bytes, until a fault of all its connections is injected. */
export interface FaultProxy {
  /** The port; 0 for a path. */
  readonly port: number
  /** @param random a number from 0 to 1: where a message is cut, and how */
  inject(fault: NetworkFault, random: number): void
  close(): Promise<void>
}

const STALL_MS = 500
/** Half of the cuts are within the next small messages. */
const MAX_CUT_BYTES = [300, 40_000] as const

type Mode = 'pass' | 'stall' | 'bytewise' | 'lost'

/** Starts a proxy in front of a server. Listens on a path, or on a free port. */
export async function faultProxy(to: NetConnectOpts, path?: string): Promise<FaultProxy> {
  const pairs = new Set<Pair>()
  let mode: Mode = 'pass'
  let stalled = Promise.resolve()
  const state: State = { mode: () => mode, resumed: () => stalled }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true, noDelay: true } as NetConnectOpts)
    const pair = new Pair(near, far, state)
    pairs.add(pair)
    void pair.run()
    let open = 2
    for (const socket of [near, far])
      socket.once('close', () => {
        if (--open === 0) pairs.delete(pair)
      })
  })
  server.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path })
  await once(server, 'listening')
  return {
    port: portOf(server),
    inject: (fault, random) => {
      switch (fault) {
        case 'reset':
          for (const pair of pairs) pair.reset()
          break
        case 'end':
          for (const pair of pairs) pair.end()
          break
        case 'cut':
          for (const pair of pairs)
            pair.cutAfter(Math.floor(random * MAX_CUT_BYTES[(random * 1_000) % 1 < 0.5 ? 0 : 1]) + 1, random)
          break
        case 'stall':
          mode = 'stall'
          stalled = new Promise((resolve) => {
            setTimeout(() => {
              mode = 'pass'
              resolve()
            }, STALL_MS)
          })
          break
        default:
          mode = fault
      }
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const pair of pairs) pair.reset()
      await closed
    },
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'string' ? 0 : ((address as AddressInfo | null)?.port ?? 0)
}

interface State {
  mode(): Mode
  resumed(): Promise<void>
}

/** Both sockets of one proxied connection. */
class Pair {
  readonly #near: Socket
  readonly #far: Socket
  readonly #state: State
  #cut: { from: Socket; bytes: number; isReset: boolean } | undefined
  #isEnded = false

  constructor(near: Socket, far: Socket, state: State) {
    this.#near = near
    this.#far = far
    this.#state = state
    for (const socket of [near, far]) socket.on('error', () => this.reset())
  }

  async run(): Promise<void> {
    await Promise.all([this.#pump(this.#near, this.#far), this.#pump(this.#far, this.#near)])
  }

  /** Resets both connections. Those of Unix sockets are destroyed. */
  reset(): void {
    this.#isEnded = true
    for (const socket of [this.#near, this.#far]) {
      if (socket.destroyed) continue
      if (socket.remotePort === undefined) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  /** Ends both directions of both connections in order. */
  end(): void {
    this.#isEnded = true
    for (const socket of [this.#near, this.#far]) socket.end()
  }

  /** Passes that many bytes more in one direction, and then ends or resets the connections. */
  cutAfter(bytes: number, random: number): void {
    const choice = Math.floor(random * 997) % 4
    this.#cut = { from: choice % 2 === 0 ? this.#near : this.#far, bytes, isReset: choice < 2 }
  }

  async #pump(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        await this.#pass(from, to, chunk as Buffer)
        if (this.#isEnded) break
      }
      if (this.#state.mode() !== 'lost') to.end()
    } catch {
      if (this.#state.mode() !== 'lost') this.reset()
    }
  }

  async #pass(from: Socket, to: Socket, chunk: Buffer): Promise<void> {
    if (this.#state.mode() === 'stall') await this.#state.resumed()
    const mode = this.#state.mode()
    if (mode === 'lost' || this.#isEnded) return
    if (this.#cut?.from === from) {
      const part = chunk.subarray(0, this.#cut.bytes)
      this.#cut.bytes -= part.length
      await write(to, part)
      if (this.#cut.bytes > 0) return
      // Without a pause, the last bytes may be dropped by the reset.
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (this.#cut.isReset) this.reset()
      else this.end()
    } else if (mode === 'bytewise') {
      for (const byte of chunk) await write(to, Buffer.of(byte))
    } else await write(to, chunk)
  }
}

function write(to: Socket, bytes: Buffer): Promise<void> {
  if (to.destroyed || to.writableEnded) return Promise.resolve()
  return new Promise((resolve) => {
    to.once('close', resolve)
    to.write(bytes, () => {
      to.off('close', resolve)
      resolve()
    })
  })
}
