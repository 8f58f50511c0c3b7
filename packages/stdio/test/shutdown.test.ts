import { createFakeClock, turns } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import type { KillSignal } from '../src/process-tree.js'
import { shutDown } from '../src/shutdown.js'

interface FakeTree {
  readonly signals: string[]
  exit(): void
  readonly tree: Parameters<typeof shutDown>[0]
}

/** A tree whose root, and what is left of it, end by what they are told. */
function fakeTree(now: () => number, dies: { root?: KillSignal; rest?: KillSignal | 'root' }): FakeTree {
  let exit!: () => void
  const exited = new Promise<void>((resolve) => {
    exit = resolve
  })
  let isRootAlive = true
  let isRestAlive = true
  const signals: string[] = []
  void exited.then(() => {
    isRootAlive = false
    if (dies.rest === 'root') isRestAlive = false
  })
  return {
    signals,
    exit,
    tree: {
      exited,
      isAlive: () => isRootAlive || isRestAlive,
      kill: (signal) => {
        signals.push(`${signal} at ${now()}`)
        if (signal === dies.root) exit()
        if (signal === dies.rest) isRestAlive = false
      },
    },
  }
}

test('a tree that ends with its input gets no signal', async () => {
  const clock = createFakeClock()
  const { tree, signals, exit } = fakeTree(clock.now, { rest: 'root' })
  const done = shutDown(tree, 2_000, clock)
  await clock.advance(900)
  exit()
  await done
  expect(signals).toEqual([])
  expect(clock.pending).toBe(0)
})

test('half of the time is for the end of input, a quarter for SIGTERM, then comes SIGKILL [STDIO-C-07]', async () => {
  const clock = createFakeClock()
  const { tree, signals } = fakeTree(clock.now, { root: 'SIGKILL', rest: 'SIGKILL' })
  const done = shutDown(tree, 2_000, clock)
  await clock.advance(1_999)
  await done
  expect(signals).toEqual(['SIGTERM at 1000', 'SIGKILL at 1500'])
  expect(clock.pending).toBe(0)
})

test('what a root leaves behind gets SIGTERM at once', async () => {
  const clock = createFakeClock()
  const { tree, signals, exit } = fakeTree(clock.now, { rest: 'SIGTERM' })
  exit()
  const done = shutDown(tree, 2_000, clock)
  await turns()
  await clock.advance(100)
  await done
  expect(signals).toEqual(['SIGTERM at 0'])
})

test('a tree that nothing ends is given up in time', async () => {
  const clock = createFakeClock()
  const { tree, signals } = fakeTree(clock.now, {})
  const done = shutDown(tree, 1_000, clock)
  await clock.advance(1_000)
  await done
  expect(signals).toEqual(['SIGTERM at 500', 'SIGKILL at 750'])
})
