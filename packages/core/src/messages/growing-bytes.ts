/** A byte buffer that grows by appending. */
export interface GrowingBytes {
  readonly length: number
  /** Copies the part to the end. */
  append(part: Uint8Array): void
  /** All bytes, without a copy. Valid until the next call of another member. */
  view(): Uint8Array
  /** Removes all bytes. A large store is released; a small one is reused. */
  clear(): void
}

const SMALLEST_BYTES = 4096
/** A smaller store is doubled by copying. A larger one grows in place, where the platform supports that. */
const LARGE_BYTES = 65_536
/** The most address space that a large store reserves. Only the filled part uses memory. */
const MAX_RESERVED_BYTES = 67_108_864

/** Makes a buffer that needs O(n) time for n bytes in any parts, and at most twice their number in memory. */
export function createGrowingBytes(maxBytes: number): GrowingBytes {
  return new Store(Math.min(maxBytes, MAX_RESERVED_BYTES))
}

// A class, because each connection has one: an object with its own accessor has a hidden class of its own.
class Store implements GrowingBytes {
  length = 0
  readonly #reservedBytes: number
  #bytes = NOTHING

  constructor(reservedBytes: number) {
    this.#reservedBytes = reservedBytes
  }

  append(part: Uint8Array): void {
    this.#reserve(this.length + part.length)
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

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length || growInPlace(this.#bytes.buffer, bytes)) return
    const wanted = Math.max(bytes, this.#bytes.length * 2, SMALLEST_BYTES)
    const larger = takeSpare(wanted) ?? new Uint8Array(newBuffer(wanted, this.#reservedBytes))
    larger.set(this.view())
    this.#bytes = larger
  }
}

const NOTHING: Uint8Array = new Uint8Array(0)

/** The most memory that is kept for the next large message of any buffer. */
const MAX_SPARE_BYTES = 4_194_304

/**
 * An unused large store, shared by all buffers. New memory of the process is expensive: it takes a third of the time to
 * read a message of 1 MB.
 */
let spare: Uint8Array | undefined

function takeSpare(bytes: number): Uint8Array | undefined {
  const taken = bytes > LARGE_BYTES ? spare : undefined
  if (!taken || (bytes > taken.length && !growInPlace(taken.buffer, bytes))) return undefined
  spare = undefined
  return taken
}

/** Keeps the store, shrunk if too large, unless a larger one is kept. */
function keepSpare(store: Uint8Array): void {
  if (store.length > MAX_SPARE_BYTES && !shrinkInPlace(store.buffer, MAX_SPARE_BYTES)) return
  if (!spare || store.length > spare.length) spare = store
}

/** A resizable buffer (ECMAScript 2024). Neither Node 20's types nor all platforms have it. */
interface GrowableBuffer extends ArrayBuffer {
  readonly resizable: boolean
  readonly maxByteLength: number
  resize(bytes: number): void
}

/** Grows the buffer in place, if it is resizable. Arrays over the whole buffer grow with it. */
function growInPlace(buffer: ArrayBufferLike, bytes: number): boolean {
  const { maxByteLength = 0 } = buffer as Partial<GrowableBuffer>
  if (bytes > maxByteLength) return false
  const stride = Math.ceil((bytes * GROWTH) / LARGE_BYTES) * LARGE_BYTES
  ;(buffer as GrowableBuffer).resize(Math.min(stride, maxByteLength))
  return true
}

/** Shrinks the buffer in place, if it is resizable. The memory of the rest is released. */
function shrinkInPlace(buffer: ArrayBufferLike, bytes: number): boolean {
  if (!(buffer as Partial<GrowableBuffer>).resizable) return false
  ;(buffer as GrowableBuffer).resize(bytes)
  return true
}

const GROWTH = 1.125

/** A large buffer can grow in place, where the platform supports that. */
function newBuffer(bytes: number, reservedBytes: number): ArrayBuffer {
  canDecode ??= decodesGrowable()
  try {
    if (canDecode && bytes > LARGE_BYTES) return bufferUpTo(bytes, Math.max(reservedBytes, bytes * 2))
  } catch {
    // A failed reservation must not close the connection.
  }
  return new ArrayBuffer(bytes)
}

/** Makes a resizable buffer, or a plain one where the platform has none. */
function bufferUpTo(bytes: number, maxByteLength: number): GrowableBuffer {
  const Growable = ArrayBuffer as unknown as new (
    bytes: number,
    limits: { maxByteLength: number },
  ) => GrowableBuffer
  return new Growable(bytes, { maxByteLength })
}

let canDecode: boolean | undefined

/** Whether `TextDecoder` accepts a resizable buffer. That of browsers does not. */
function decodesGrowable(): boolean {
  try {
    const probe = bufferUpTo(1, 2)
    new TextDecoder().decode(new Uint8Array(probe))
    return probe.maxByteLength === 2
  } catch {
    return false
  }
}
