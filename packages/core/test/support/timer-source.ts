import type { TimeSource } from '../../src/authoring.js'

export const RESOLUTION_MS = 5

export interface FakeSource extends TimeSource {
  /** Advances the time by `ms`, fires the timers and returns their errors. */
  advance(ms: number): unknown[]
  readonly timers: number
  readonly mostTimers: number
  readonly timersSet: number
  readonly longestDelay: number
  /** The timers that would keep a process alive. */
  readonly referenced: number
}

/** @param canUnref whether its timers can stay set without keeping the process alive, as those of Node */
export function fakeSource(start = 0, { canUnref = false } = {}): FakeSource {
  const state = { now: start, mostTimers: 0, timersSet: 0, longestDelay: 0 }
  const timers = new Set<{ at: number; fire: () => void; isReferenced: boolean }>()
  const dueUntil = (end: number) =>
    [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
  return {
    now: () => state.now,
    epochNow: () => 1_800_000_000_000 + state.now,
    setTimer(ms, fire) {
      const timer = { at: state.now + ms, fire, isReferenced: true }
      timers.add(timer)
      state.timersSet++
      state.mostTimers = Math.max(state.mostTimers, timers.size)
      state.longestDelay = Math.max(state.longestDelay, ms)
      const cancel = (): void => void timers.delete(timer)
      if (!canUnref) return cancel
      const setReferenced = (isReferenced: boolean) => (): void => {
        timer.isReferenced = isReferenced
      }
      return Object.assign(cancel, { unref: setReferenced(false), ref: setReferenced(true) })
    },
    advance(ms) {
      const thrown: unknown[] = []
      const end = state.now + ms
      for (let due = dueUntil(end); due; due = dueUntil(end)) {
        timers.delete(due)
        state.now = Math.max(state.now, due.at)
        try {
          due.fire()
        } catch (error) {
          thrown.push(error)
        }
      }
      state.now = end
      return thrown
    },
    get timers() {
      return timers.size
    },
    get referenced() {
      return [...timers].filter(({ isReferenced }) => isReferenced).length
    },
    get mostTimers() {
      return state.mostTimers
    },
    get timersSet() {
      return state.timersSet
    },
    get longestDelay() {
      return state.longestDelay
    },
  }
}
