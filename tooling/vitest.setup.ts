import { vi } from 'vitest'

/** By default, `vi.waitFor` fails after 1 s, which is too short on a busy machine, and checks every 50 ms. */
const defaults = { timeout: 30_000, interval: 10 }

const { waitFor } = vi

vi.waitFor = (callback, options) =>
  waitFor(callback, { ...defaults, ...(typeof options === 'number' ? { timeout: options } : options) })
