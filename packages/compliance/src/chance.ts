/** Chance that is the same every time. */
export interface Chance {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number
  bytes(length: number): Uint8Array
}

/** Makes chance from a seed (mulberry32): a case that fails once fails again. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0

  function below(limit: number): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit)
  }

  return { below, bytes: (length) => Uint8Array.from({ length }, () => below(256)) }
}
