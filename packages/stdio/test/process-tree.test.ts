import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isTreeAlive, type KillSystem, killTree, runningInGroup } from '../src/process-tree.js'
import { temporaryFolder } from './support/folder.js'

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
    ...(running !== undefined && { countRunning: () => running }),
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

  test('believes the group where nobody knows who is in it', () => {
    const system = { ...fakeSystem('linux'), countRunning: () => undefined }
    expect(isTreeAlive(7, system)).toBe(true)
  })

  test('asks for the process itself on Windows', () => {
    const system = fakeSystem('win32', { 7: 'ESRCH' })
    expect(isTreeAlive(7, system)).toBe(false)
    expect(system.calls).toEqual(['kill 7 0'])
  })
})

describe('the processes of a group', () => {
  /** A folder as `/proc` is, with these processes. A line that is undefined cannot be read. */
  async function listOf(folder: string, processes: Record<number, string | undefined>): Promise<string> {
    for (const [pid, line] of Object.entries(processes)) {
      await mkdir(join(folder, pid))
      if (line === undefined) await mkdir(join(folder, pid, 'stat'))
      else await writeFile(join(folder, pid, 'stat'), line)
    }
    return folder
  }
  const own = { [process.pid]: `${process.pid} (node) S 1 1 1` }

  test('are those that have not exited, whatever they are called', async () => {
    await using folder = await temporaryFolder()
    const processes = { ...own, 7: '7 (a) b) S 1 7 7', 8: '8 (c) Z 7 7 7', 9: '9 (d) S 1 9 9' }
    expect(runningInGroup(7, await listOf(folder.path, processes))).toBe(1)
    expect(runningInGroup(8, folder.path)).toBe(0)
  })

  test('are unknown where none can be listed, or this one is not among them', async () => {
    await using folder = await temporaryFolder()
    expect(runningInGroup(7, join(folder.path, 'none'))).toBeUndefined()
    expect(runningInGroup(7, folder.path)).toBeUndefined()
    expect(runningInGroup(7, await listOf(folder.path, { 9: '9 (d) S 1 9 9' }))).toBeUndefined()
  })

  test('are unknown where one cannot be read, but not where one is gone meanwhile', async () => {
    await using folder = await temporaryFolder()
    await mkdir(join(folder.path, '8'))
    expect(runningInGroup(7, await listOf(folder.path, own))).toBe(0)
    expect(runningInGroup(7, await listOf(folder.path, { 9: undefined }))).toBeUndefined()
  })
})
