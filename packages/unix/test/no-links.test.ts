import fs, { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { replaceBuiltin } from '@mcpwire/test-support/replace-builtin'
import { isAlive, makeStaleSocket } from '@mcpwire/test-support/socket-files'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { unixServer } from '../src/index.js'

let beforeLink = (): void => {}

const { spy, restore } = replaceBuiltin(fs, 'linkSync')
spy.mockImplementation(() => {
  beforeLink()
  throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' })
})
afterAll(restore)

describe('a file system without hard links', () => {
  test('binds the socket file with its mode, and close() removes it', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    await makeStaleSocket(path)
    const listener = unixServer({ path, mode: 0o640 })
    await listener.start()
    expect(await isAlive(path)).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(readdirSync(folder)).toEqual(['server'])
    await listener.close()

    expect(readdirSync(folder)).toEqual([])
  })

  test('keeps a file that is created at the path at the last moment', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    beforeLink = () => writeFileSync(path, 'precious')
    onTestFinished(() => {
      beforeLink = () => {}
    })

    await expect(unixServer({ path }).start()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      details: { address: `unix:${path}`, option: 'path' },
    })
    expect(existsSync(path)).toBe(true)
    expect(readdirSync(folder)).toEqual(['server'])
  })
})
