/** Bytes that come in parts and are looked at as one. */
export interface GrowingBytes {
  readonly length: number
  /** Copies a part to the end. */
  append(part: Uint8Array): void
  /** All there is, without a copy; good until the next call of another member. */
  view(): Uint8Array
  /** Starts anew. A large store is let go of; a small one is kept for the next. */
  clear(): void
}

const SMALLEST_BYTES = 4096
/** Up to here a store is doubled by copying; from here on it is grown in place, where the platform can. */
const LARGE_BYTES = 65_536
/** The most address space a large store asks for ahead of need. Memory is used only for what is filled. */
const MAX_RESERVED_BYTES = 67_108_864

/**
 * Collects bytes so that n of them cost O(n), in whatever parts they come: at most twice their number in memory, and
 * for large ones hardly more than their number.
 */
export function createGrowingBytes(maxBytes: number): GrowingBytes {
  return new Store(Math.min(maxBytes, MAX_RESERVED_BYTES))
}

// A class, as one is there for each connection: an object with an accessor of its own costs a hidden class each.
class Store implements GrowingBytes {
  length = 0
  readonly #reservedBytes: number
  #bytes = NOTHING

  constructor(reservedBytes: number) {
    this.#reservedBytes = reservedBytes
  }

  append(part: Uint8Array): void {
    this.#makeRoom(this.length + part.length)
    this.#bytes.set(part, this.length)
    this.length += part.length
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
    if (this.#bytes.length <= LARGE_BYTES) return
    keepSpare(this.#bytes)
    this.#bytes = NOTHING
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#bytes.length || growInPlace(this.#bytes.buffer, bytes)) return
    const wanted = Math.max(bytes, this.#bytes.length * 2, SMALLEST_BYTES)
    const larger =
      wanted > LARGE_BYTES
        ? (takeSpare(wanted) ?? new Uint8Array(growable(wanted, this.#reservedBytes)))
        : new Uint8Array(wanted)
    larger.set(this.view())
    this.#bytes = larger
  }
}

const NOTHING: Uint8Array = new Uint8Array(0)

/** The most memory that is kept for the next large message, whosever it is. */
const MAX_SPARE_BYTES = 4_194_304

/**
 * A large store that nobody uses. One for all: memory that is new to the process costs more than what is written to
 * it, a third of what it takes to read a message of 1 MB.
 */
let spare: Uint8Array | undefined

function takeSpare(bytes: number): Uint8Array | undefined {
  const taken = spare
  if (!taken || (bytes > taken.length && !growInPlace(taken.buffer, bytes))) return undefined
  spare = undefined
  return taken
}

/** Keeps the store, or a part that is not too large, unless a larger one is kept. */
function keepSpare(store: Uint8Array): void {
  if (store.length > MAX_SPARE_BYTES && !shrinkInPlace(store.buffer, MAX_SPARE_BYTES)) return
  if (!spare || store.length > spare.length) spare = store
}

/** A buffer that may change its length, which neither Node 20's types nor every platform know (ECMAScript 2024). */
interface GrowableBuffer extends ArrayBuffer {
  readonly resizable: boolean
  readonly maxByteLength: number
  resize(bytes: number): void
}

/** Makes the buffer long enough where it is, if it is one that can. Arrays over all of it follow by themselves. */
function growInPlace(buffer: ArrayBufferLike, bytes: number): boolean {
  const { maxByteLength = 0 } = buffer as Partial<GrowableBuffer>
  if (bytes > maxByteLength) return false
  const stride = Math.ceil((bytes * GROWTH) / LARGE_BYTES) * LARGE_BYTES
  ;(buffer as GrowableBuffer).resize(Math.min(stride, maxByteLength))
  return true
}

/** Makes the buffer shorter, if it is one that can. What it gives up is no longer held in memory. */
function shrinkInPlace(buffer: ArrayBufferLike, bytes: number): boolean {
  if (!(buffer as Partial<GrowableBuffer>).resizable) return false
  ;(buffer as GrowableBuffer).resize(bytes)
  return true
}

const GROWTH = 1.125

function growable(bytes: number, reservedBytes: number): ArrayBuffer {
  if (!decodesGrowable()) return new ArrayBuffer(bytes)
  try {
    return bufferUpTo(bytes, Math.max(reservedBytes, bytes * 2))
  } catch {
    // No address space to reserve is no reason to lose the connection.
    return new ArrayBuffer(bytes)
  }
}

/** Where the platform cannot, this yields a plain buffer of the first length. */
function bufferUpTo(bytes: number, maxByteLength: number): GrowableBuffer {
  const Growable = ArrayBuffer as unknown as new (
    bytes: number,
    limits: { maxByteLength: number },
  ) => GrowableBuffer
  return new Growable(bytes, { maxByteLength })
}

let canDecode: boolean | undefined

/** Browsers refuse to decode text from a buffer that may change its length. */
function decodesGrowable(): boolean {
  if (canDecode !== undefined) return canDecode
  try {
    const probe = bufferUpTo(1, 2)
    new TextDecoder().decode(new Uint8Array(probe))
    canDecode = probe.maxByteLength === 2
  } catch {
    canDecode = false
  }
  return canDecode
}
