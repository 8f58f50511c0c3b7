/*
 * An item is in one of these states. Only `taken` items count towards the limit of their caller.
 *
 *   add() -----> waiting -- next() -------------> taken -- done() -> finished
 *                   |
 *                   +------ drop(), makeRoom() -> removed
 *
 * Callers take turns, and so do the connections of one caller. There, every second turn is for a connection whose items
 * have had no turn yet, so that one request on a quiet connection does not wait for the floods of all others. The items
 * of one connection keep their order.
 */

/** The items that wait on one connection of a caller, in their order. */
type Waiting<T> = Set<T>

/** One caller with items that wait or are taken. */
interface Lane<T> {
  readonly caller: string
  taken: number
  size: number
  readonly connections: Map<string, Waiting<T>>
  /** The connections whose waiting items have had no turn yet. The first has the next one. */
  readonly fresh: Set<string>
  /** The others. The first has the next turn. */
  readonly served: Set<string>
  isFreshNext: boolean
}

/**
 * Shares one upstream fairly between many callers: a pure state machine without clock, input or output. With k callers
 * that wait, each has its turn within k items. A caller whose `maxTaken` items are not finished has no turn.
 *
 * @example
 * ```ts
 * const queue = new FairQueue<JsonRpcRequest>(256)
 * queue.add('192.0.2.1', '192.0.2.1:50000', request)
 * for (let item = queue.next(); item; item = queue.next()) void upstream.send(item)
 * ```
 */
export class FairQueue<T extends object> {
  readonly #maxTaken: number
  readonly #lanes = new Map<string, Lane<T>>()
  /** The lanes that may have a turn. The first has the next one. */
  readonly #ready = new Set<Lane<T>>()
  #size = 0

  /** @param maxTaken the most items of one caller that are taken and not finished */
  constructor(maxTaken: number) {
    this.#maxTaken = maxTaken
  }

  /** The number of waiting items. */
  get size(): number {
    return this.#size
  }

  /** Takes an item without adding it, where it would have the next turn. Returns whether it is taken. */
  take(caller: string): boolean {
    if (this.#ready.size > 0) return false
    const lane = this.#lane(caller)
    if (lane.taken >= this.#maxTaken) return false
    lane.taken++
    return true
  }

  /** Adds an item behind those of its connection. An item is added once. */
  add(caller: string, connection: string, item: T): void {
    const lane = this.#lane(caller)
    const waiting = lane.connections.get(connection)
    if (waiting) waiting.add(item)
    else {
      lane.connections.set(connection, new Set([item]))
      lane.fresh.add(connection)
    }
    lane.size++
    this.#size++
    this.#schedule(lane)
  }

  /** Takes the next item. Undefined if none waits, or none may be taken before another one is finished. */
  next(): T | undefined {
    const lane = first(this.#ready)
    if (!lane) return undefined
    const isFresh = lane.fresh.size > 0 && (lane.isFreshNext || lane.served.size === 0)
    const connection = first(isFresh ? lane.fresh : lane.served) as string
    const item = first(lane.connections.get(connection) ?? []) as T
    this.#remove(lane, connection, item)
    if (lane.connections.has(connection)) {
      lane.fresh.delete(connection)
      lane.served.delete(connection)
      lane.served.add(connection)
    }
    lane.isFreshNext = !isFresh
    lane.taken++
    this.#ready.delete(lane)
    this.#schedule(lane)
    return item
  }

  /** Finishes one taken item of a caller. */
  done(caller: string): void {
    const lane = this.#lanes.get(caller)
    if (!lane) return
    lane.taken--
    this.#schedule(lane)
    this.#release(lane)
  }

  /** Removes a waiting item. Returns false if it does not wait. */
  drop(caller: string, connection: string, item: T): boolean {
    const lane = this.#lanes.get(caller)
    if (!lane?.connections.get(connection)?.has(item)) return false
    this.#remove(lane, connection, item)
    if (lane.size === 0) this.#ready.delete(lane)
    this.#release(lane)
    return true
  }

  /**
   * Removes a waiting item in favour of one that is not added yet: the last one of the caller with the most waiting
   * items, and of its connection with the most. Undefined if the new item would be that one.
   */
  makeRoom(caller: string, connection: string): T | undefined {
    const own = this.#lanes.get(caller)
    let lane = largest(this.#lanes.values(), ({ size }) => size)
    // One item more would not make the caller that with the most.
    if ((lane?.size ?? 0) <= (own?.size ?? 0) + 1) lane = own
    const [name, waiting] = largest(lane?.connections ?? [], ([, { size }]) => size) ?? []
    if (!lane || name === undefined || !waiting) return undefined
    const ownSize = lane === own ? (own.connections.get(connection)?.size ?? 0) : 0
    if (lane === own && waiting.size <= ownSize + 1) return undefined
    const item = [...waiting].at(-1) as T
    this.drop(lane.caller, name, item)
    return item
  }

  /** Removes and returns all waiting items. */
  takeAll(): T[] {
    const items = [...this.#lanes.values()].flatMap(({ connections }) =>
      [...connections.values()].flatMap((waiting) => [...waiting]),
    )
    for (const lane of this.#lanes.values()) {
      lane.connections.clear()
      lane.fresh.clear()
      lane.served.clear()
      lane.size = 0
      this.#release(lane)
    }
    this.#ready.clear()
    this.#size = 0
    return items
  }

  #lane(caller: string): Lane<T> {
    let lane = this.#lanes.get(caller)
    if (!lane) {
      lane = {
        caller,
        taken: 0,
        size: 0,
        connections: new Map(),
        fresh: new Set(),
        served: new Set(),
        isFreshNext: true,
      }
      this.#lanes.set(caller, lane)
    }
    return lane
  }

  #remove(lane: Lane<T>, connection: string, item: T): void {
    const waiting = lane.connections.get(connection)
    waiting?.delete(item)
    lane.size--
    this.#size--
    if (waiting?.size !== 0) return
    lane.connections.delete(connection)
    lane.fresh.delete(connection)
    lane.served.delete(connection)
  }

  /** Adds the lane behind the others that may have a turn, if it may. */
  #schedule(lane: Lane<T>): void {
    if (lane.size > 0 && lane.taken < this.#maxTaken) this.#ready.add(lane)
  }

  #release(lane: Lane<T>): void {
    if (lane.taken === 0 && lane.size === 0) this.#lanes.delete(lane.caller)
  }
}

function first<E>(elements: Iterable<E>): E | undefined {
  for (const element of elements) return element
  return undefined
}

function largest<E>(elements: Iterable<E>, sizeOf: (element: E) => number): E | undefined {
  let found: E | undefined
  let size = 0
  for (const element of elements) {
    if (sizeOf(element) <= size) continue
    found = element
    size = sizeOf(element)
  }
  return found
}
