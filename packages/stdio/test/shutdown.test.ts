import { createFakeClock, turns } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import type { KillSignal } from '../src/process-tree.js'
import { shutDown } from '../src/shutdown.js'

interface FakeTree {
  readonly signals: string[]
  exit(): void
  readonly tree: Parameters<typeof shutDown>[0]
}

/** A tree whose root and descendants end with these signals. */
function fakeTree(now: () => number, endsWith: { root?: KillSignal; rest?: KillSignal | 'root' }): FakeTree {
  let exit!: () => void
  const exited = new Promise<void>((resolve) => {
    exit = resolve
  })
  let isRootAlive = true
  let isRestAlive = true
  const signals: string[] = []
  void exited.then(() => {
    isRootAlive = false
    if (endsWith.rest === 'root') isRestAlive = false
  })
  return {
    signals,
    exit,
    tree: {
      exited,
      isAlive: () => isRootAlive || isRestAlive,
      kill: (signal) => {
        signals.push(`${signal} at ${now()}`)
        if (signal === endsWith.root) exit()
        if (signal === endsWith.rest) isRestAlive = false
      },
    },
  }
}

test('sends no signal to a tree that ends with its input', async () => {
  const clock = createFakeClock()
  const { tree, signals, exit } = fakeTree(clock.now, { rest: 'root' })
  const done = shutDown(tree, 2_000, clock)
  await clock.advance(900)
  exit()
  await done
  expect(signals).toEqual([])
  expect(clock.pending).toBe(0)
})

test('sends SIGTERM after half of the time and SIGKILL after three quarters [STDIO-C-07]', async () => {
  const clock = createFakeClock()
  const { tree, signals } = fakeTree(clock.now, { root: 'SIGKILL', rest: 'SIGKILL' })
  const done = shutDown(tree, 2_000, clock)
  await clock.advance(1_999)
  await done
  expect(signals).toEqual(['SIGTERM at 1000', 'SIGKILL at 1500'])
  expect(clock.pending).toBe(0)
})

test('sends SIGTERM at once to the descendants of a root that has exited', async () => {
  const clock = createFakeClock()
  const { tree, signals, exit } = fakeTree(clock.now, { rest: 'SIGTERM' })
  exit()
  const done = shutDown(tree, 2_000, clock)
  await turns()
  await clock.advance(100)
  await done
  expect(signals).toEqual(['SIGTERM at 0'])
})

test('returns in time from a tree that no signal ends', async () => {
  const clock = createFakeClock()
  const { tree, signals } = fakeTree(clock.now, {})
  const done = shutDown(tree, 1_000, clock)
  await clock.advance(1_000)
  await done
  expect(signals).toEqual(['SIGTERM at 500', 'SIGKILL at 750'])
})
