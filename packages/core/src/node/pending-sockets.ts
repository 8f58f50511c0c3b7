import type { Socket } from 'node:net'
import type { BudgetAccount, ByteBudget } from '../index.js'

/** About the memory of a socket in its TLS handshake, or with a part of its preamble. */
const PENDING_BYTES = 16_384

/** The limits of pending sockets. */
export interface PendingSocketsOptions {
  readonly maxPending: number
  readonly budget: ByteBudget
  /** Called with a socket that was destroyed for a newer one, unless it was refused before. */
  readonly onEvicted: (socket: Socket) => void
}

/**
 * The sockets that neither a connection nor the listener owns yet: in their TLS handshake, before their preamble, or
 * being refused.
 *
 * When there are too many, the oldest is destroyed. A client that works is pending for a moment only, so that callers
 * that send nothing do not block it.
 */
export class PendingSockets {
  /** Whether the listener closes: sockets are no longer drained. */
  isClosing = false
  readonly #options: PendingSocketsOptions
  /** Each in the order of arrival. The refused ones are destroyed first. */
  readonly #waiting = new Map<Socket, BudgetAccount>()
  readonly #refused = new Map<Socket, BudgetAccount>()
  readonly #evicted = new WeakSet<Socket>()

  constructor(options: PendingSocketsOptions) {
    this.#options = options
  }

  /** Adds a socket until it closes. */
  add(socket: Socket): void {
    if (this.#waiting.has(socket)) return
    if (this.#size >= this.#options.maxPending) this.#evict()
    this.#waiting.set(socket, this.#hold(socket))
    socket.once('close', () => this.delete(socket))
  }

  /** Whether the socket was destroyed for a newer one. */
  isEvicted(socket: Socket): boolean {
    return this.#evicted.has(socket)
  }

  /** Adds a refused socket, whose input is drained. Returns `false` where there is no capacity. */
  addRefused(socket: Socket): boolean {
    if (this.isClosing) return false
    const account = this.#waiting.get(socket)
    if (!account && this.#size >= this.#options.maxPending) return false
    this.#waiting.delete(socket)
    this.#refused.set(socket, account ?? this.#hold(socket))
    if (!account) socket.once('close', () => this.delete(socket))
    return true
  }

  delete(socket: Socket): void {
    for (const sockets of [this.#waiting, this.#refused]) {
      sockets.get(socket)?.close()
      sockets.delete(socket)
    }
  }

  /** Destroys all sockets, because the listener closes. */
  destroyAll(): void {
    this.isClosing = true
    for (const socket of [...this.#waiting.keys(), ...this.#refused.keys()]) socket.destroy()
  }

  get #size(): number {
    return this.#waiting.size + this.#refused.size
  }

  #hold(socket: Socket): BudgetAccount {
    const account = this.#options.budget.open({ shed: () => void this.#destroy(socket) })
    account.hold(PENDING_BYTES)
    return account
  }

  #evict(): void {
    const [refused] = this.#refused.keys()
    const [waiting] = this.#waiting.keys()
    const oldest = refused ?? waiting
    if (!oldest) return
    this.#destroy(oldest)
    if (!refused) this.#options.onEvicted(oldest)
  }

  #destroy(socket: Socket): void {
    this.#evicted.add(socket)
    this.delete(socket)
    socket.destroy()
  }
}
