import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newFolder } from '@mcpwire/test-support/folders'
import { describe, expect, test } from 'vitest'
import { isTreeAlive, type KillSystem, killTree, runningInGroup } from '../src/process-tree.js'

interface Fake extends KillSystem {
  readonly calls: string[]
}

/** A system that records its calls. `codes` are the errors of `kill` by its first argument. */
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

  test('distinguishes a group that has exited from one without permission', () => {
    expect(killTree(7, 'SIGTERM', fakeSystem('linux', { [-7]: 'ESRCH' }))).toBe(false)
    expect(killTree(7, 'SIGTERM', fakeSystem('darwin', { [-7]: 'EPERM' }))).toBe(true)
  })

  test('runs taskkill on Windows for SIGKILL only', () => {
    const system = fakeSystem('win32')
    expect(killTree(7, 'SIGTERM', system)).toBe(true)
    expect(system.calls).toEqual(['kill 7 0'])
    expect(killTree(7, 'SIGKILL', system)).toBe(true)
    expect(system.calls.at(-1)).toBe('taskkill /pid 7 /T /F')
  })
})

describe('isTreeAlive', () => {
  test('does not count zombies', () => {
    expect(isTreeAlive(7, fakeSystem('linux', {}, 0))).toBe(false)
    expect(isTreeAlive(7, fakeSystem('linux', {}, 1))).toBe(true)
    expect(isTreeAlive(7, fakeSystem('linux', { [-7]: 'ESRCH' }, 1))).toBe(false)
  })

  test('signals the group where the system cannot list processes', () => {
    expect(isTreeAlive(7, fakeSystem('darwin'))).toBe(true)
    expect(isTreeAlive(7, fakeSystem('darwin', { [-7]: 'ESRCH' }))).toBe(false)
  })

  test('counts a group as alive when the list of processes fails', () => {
    const system = { ...fakeSystem('linux'), countRunning: () => undefined }
    expect(isTreeAlive(7, system)).toBe(true)
  })

  test('checks the process itself on Windows', () => {
    const system = fakeSystem('win32', { 7: 'ESRCH' })
    expect(isTreeAlive(7, system)).toBe(false)
    expect(system.calls).toEqual(['kill 7 0'])
  })
})

describe('runningInGroup', () => {
  /** Fills a folder like `/proc`. A process with `undefined` has a file that cannot be read. */
  async function fillFolder(folder: string, processes: Record<number, string | undefined>): Promise<string> {
    for (const [pid, line] of Object.entries(processes)) {
      await mkdir(join(folder, pid))
      if (line === undefined) await mkdir(join(folder, pid, 'stat'))
      else await writeFile(join(folder, pid, 'stat'), line)
    }
    return folder
  }
  const own = { [process.pid]: `${process.pid} (node) S 1 1 1` }

  test('counts the processes that have not exited, with any name', async () => {
    await using folder = await newFolder()
    const processes = { ...own, 7: '7 (a) b) S 1 7 7', 8: '8 (c) Z 7 7 7', 9: '9 (d) S 1 9 9' }
    expect(runningInGroup(7, await fillFolder(folder.path, processes))).toBe(1)
    expect(runningInGroup(8, folder.path)).toBe(0)
  })

  test('is undefined for a folder that cannot be read or lacks this process', async () => {
    await using folder = await newFolder()
    expect(runningInGroup(7, join(folder.path, 'none'))).toBeUndefined()
    expect(runningInGroup(7, folder.path)).toBeUndefined()
    expect(runningInGroup(7, await fillFolder(folder.path, { 9: '9 (d) S 1 9 9' }))).toBeUndefined()
  })

  test('is undefined for a file that cannot be read, but ignores one that is missing', async () => {
    await using folder = await newFolder()
    await mkdir(join(folder.path, '8'))
    expect(runningInGroup(7, await fillFolder(folder.path, own))).toBe(0)
    expect(runningInGroup(7, await fillFolder(folder.path, { 9: undefined }))).toBeUndefined()
  })
})
