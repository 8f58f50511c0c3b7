import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { isAlive } from '@mcpwire/test-support/socket-files'
import { describe, expect, test } from 'vitest'
import { unixClient } from '../src/index.js'
import { listenerOf, startErrorOf } from './support/listeners.js'

describe('the directory of the socket file', () => {
  test('must exist and be a directory', async () => {
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'file'), '')

    expect(await startErrorOf({ path: join(folder, 'none', 'server') })).toContain('no directory')
    expect(await startErrorOf({ path: join(folder, 'file', 'server') })).toContain('not a directory')
  })

  test('must not let every user replace its files, unless it is sticky', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    chmodSync(folder, 0o777)
    expect(await startErrorOf({ path })).toContain('every user can replace files')
    chmodSync(folder, 0o1777)
    await listenerOf({ path }).start()

    expect(await isAlive(path)).toBe(true)
  })

  test('may be removed while listening: connections continue until close()', async () => {
    const folder = await temporaryFolder()
    const inner = join(folder, 'inner')
    mkdirSync(inner)
    const listener = listenerOf({ path: join(inner, 'server') })
    await listener.start()
    const client = unixClient({ path: join(inner, 'server') })
    await client.start()
    rmSync(inner, { recursive: true })
    await client.send({ jsonrpc: '2.0', method: 'still/here' })
    await listener.close()

    expect(await listener.closed).toBeUndefined()
    expect(await client.closed).toBeUndefined()
  })
})
