import { describe, expect, test } from 'vitest'
import { isTreeAlive, type KillSystem, killTree } from '../src/process-tree.js'

interface Fake extends KillSystem {
  readonly calls: string[]
}

/** A system that notes what it was asked; `codes` are the errors of `kill`, by its first argument. */
function fakeSystem(platform: string, codes: Record<number, string> = {}, running?: number): Fake {
  const calls: string[] = []
  return {
    platform,
    calls,
    kill: (pid, signal) => {
      calls.push(`kill ${pid} ${signal}`)
      if (codes[pid] !== undefined) throw Object.assign(new Error('no'), { code: codes[pid] })
    },
    run: (command, args) => void calls.push(`${command} ${args.join(' ')}`),
    ...(running !== undefined && { runningIn: () => running }),
  }
}

describe('killTree', () => {
  test('signals the group on POSIX', () => {
    const system = fakeSystem('linux')
    expect(killTree(7, 'SIGTERM', system)).toBe(true)
    expect(killTree(7, 'SIGKILL', system)).toBe(true)
    expect(system.calls).toEqual(['kill -7 SIGTERM', 'kill -7 SIGKILL'])
  })

  test('tells a group that is gone from one that is not ours to signal', () => {
    expect(killTree(7, 'SIGTERM', fakeSystem('linux', { [-7]: 'ESRCH' }))).toBe(false)
    expect(killTree(7, 'SIGTERM', fakeSystem('darwin', { [-7]: 'EPERM' }))).toBe(true)
  })

  test('ends the tree by taskkill on Windows, and only by SIGKILL', () => {
    const system = fakeSystem('win32')
    expect(killTree(7, 'SIGTERM', system)).toBe(true)
    expect(system.calls).toEqual(['kill 7 0'])
    expect(killTree(7, 'SIGKILL', system)).toBe(true)
    expect(system.calls.at(-1)).toBe('taskkill /pid 7 /T /F')
  })
})

describe('isTreeAlive', () => {
  test('does not count processes that only wait to be noticed', () => {
    expect(isTreeAlive(7, fakeSystem('linux', {}, 0))).toBe(false)
    expect(isTreeAlive(7, fakeSystem('linux', {}, 1))).toBe(true)
    expect(isTreeAlive(7, fakeSystem('linux', { [-7]: 'ESRCH' }, 1))).toBe(false)
  })

  test('asks for the group where processes cannot be listed', () => {
    expect(isTreeAlive(7, fakeSystem('darwin'))).toBe(true)
    expect(isTreeAlive(7, fakeSystem('darwin', { [-7]: 'ESRCH' }))).toBe(false)
  })

  test('asks for the process itself on Windows', () => {
    const system = fakeSystem('win32', { 7: 'ESRCH' })
    expect(isTreeAlive(7, system)).toBe(false)
    expect(system.calls).toEqual(['kill 7 0'])
  })
})
