/** The last bytes of a stream. */
export interface StderrTail {
  push(chunk: Uint8Array): void
  /** What is kept, as text; a character cut at the start is left out. */
  text(): string
}

const TAIL_BYTES = 4096

/** Keeps the last 4 KiB of what it is given, and nothing else. */
export function createStderrTail(): StderrTail {
  let kept = new Uint8Array(0)
  return {
    push(chunk) {
      if (chunk.length >= TAIL_BYTES) {
        kept = chunk.slice(-TAIL_BYTES)
        return
      }
      const before = kept.subarray(Math.max(0, kept.length + chunk.length - TAIL_BYTES))
      const joined = new Uint8Array(before.length + chunk.length)
      joined.set(before)
      joined.set(chunk, before.length)
      kept = joined
    },
    text: () => new TextDecoder().decode(kept).replace(/^\uFFFD+/, ''),
  }
}
