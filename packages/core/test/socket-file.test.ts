import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { foreignServer, isAlive, makeStaleSocket } from '@mcpwire/test-support/socket-files'
import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../src/index.js'
import { clearStaleSocket, removeIf } from '../src/node/socket-file.js'

describe('clearStaleSocket()', () => {
  test('keeps the socket of a server that does not respond to the probe', async () => {
    const path = join(await temporaryFolder(), 'server')
    await makeStaleSocket(path)
    const expiresAtOnce: Clock = {
      ...systemClock,
      deadline: (ms, expire) => {
        process.nextTick(expire)
        return systemClock.deadline(ms, () => {})
      },
    }

    await expect(clearStaleSocket(path, 'unix:x', expiresAtOnce)).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('does not respond'),
    })
    expect(existsSync(path)).toBe(true)
  })

  test('keeps a socket that replaced the probed one, even with the same inode number', async () => {
    const path = join(await temporaryFolder(), 'server')
    await makeStaleSocket(path)
    const clearing = clearStaleSocket(path, 'unix:x', systemClock)
    rmSync(path)
    await foreignServer(path)

    await expect(clearing).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
    expect(await isAlive(path)).toBe(true)
  })
})

describe('removeIf()', () => {
  test('puts another file back when it was moved instead of the expected one', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    await foreignServer(path)
    let checks = 0

    expect(removeIf(path, () => ++checks === 1)).toBe(false)
    expect(await isAlive(path)).toBe(true)
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('does not overwrite a file that was created meanwhile', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    await makeStaleSocket(path)
    let checks = 0
    const removed = removeIf(path, () => {
      if (++checks === 1) return true
      writeFileSync(path, 'precious')
      return false
    })

    expect(removed).toBe(false)
    expect(readFileSync(path, 'utf8')).toBe('precious')
    expect(readdirSync(folder)).toEqual(['server'])
  })
})
