import { chmodSync, chownSync, copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Listener } from '@mcpwire/core'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { isAlive, makeStaleSocket } from '@mcpwire/test-support/socket-files'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unixServer } from '../src/index.js'
import { PROGRAMS, type Running, runCommand } from './support/programs.js'

const OTHER_UID = 65_534
const THIRD_UID = 65_533

/** Only root can run a program as another user. */
const isRoot = process.platform === 'linux' && process.geteuid?.() === 0

function listenerOn(path: string, mode?: number): Listener {
  const listener = unixServer({ path, mode })
  listener.onconnection = (connection) => void connection.start()
  onTestFinished(() => listener.close())
  return listener
}

/** Runs a program as another user, from a copy in a directory that the user can read. */
async function runAs(uid: number, name: string, ...args: readonly string[]): Promise<Running> {
  const folder = await temporaryFolder()
  chmodSync(folder, 0o755)
  const copy = join(folder, `${name}.mjs`)
  copyFileSync(join(PROGRAMS, `${name}.mjs`), copy)
  const user = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
  return runCommand('setpriv', [...user, '--', process.execPath, copy, ...args])
}

async function openFolder(): Promise<string> {
  const folder = await temporaryFolder()
  chmodSync(folder, 0o755)
  return folder
}

describe.runIf(isRoot)('another user of this host', () => {
  test('cannot connect because of the mode, and the error names permissions', async () => {
    const path = join(await openFolder(), 'server')
    await listenerOn(path).start()
    const client = await runAs(OTHER_UID, 'client', path)

    expect(await client.nextLine()).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('permission denied'),
    })
  })

  test('cannot connect because of a directory, and the error names permissions', async () => {
    const path = join(await temporaryFolder(), 'server')
    await listenerOn(path, 0o666).start()
    const client = await runAs(OTHER_UID, 'client', path)

    expect(await client.nextLine()).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('permission denied'),
    })
  })

  test('can connect when the mode allows it', async () => {
    const path = join(await openFolder(), 'server')
    await listenerOn(path, 0o666).start()
    const client = await runAs(OTHER_UID, 'client', path)

    expect(await client.nextLine()).toEqual({ address: `unix:${path}` })
  })

  test('never connects while the socket file is bound, replaced and removed', async () => {
    const folder = await openFolder()
    const path = join(folder, 'server')
    const intruder = await runAs(OTHER_UID, 'intruder', folder)
    expect(await intruder.nextLine()).toBe('ready')
    for (let round = 0; round < 150; round++) {
      if (round % 2 === 1) await makeStaleSocket(path)
      const listener = listenerOn(path)
      const connections: unknown[] = []
      listener.onconnection = (connection) => connections.push(connection)
      await listener.start()
      await isAlive(path)
      await listener.close()
      expect(connections.length).toBeLessThanOrEqual(1)
    }
    await listenerOn(path).start()
    intruder.write('stop')
    const outcomes = (await intruder.nextLine()) as Record<string, number>

    expect(outcomes['connected']).toBeUndefined()
    expect(outcomes['EACCES']).toBeGreaterThan(0)
  })

  test('keeps a stale socket of their own', async () => {
    const folder = await openFolder()
    chmodSync(folder, 0o1777)
    const path = join(folder, 'server')
    await makeStaleSocket(path)
    chownSync(path, OTHER_UID, OTHER_UID)

    await expect(listenerOn(path).start()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`a socket of user ${OTHER_UID}`),
    })
    rmSync(path)
    await listenerOn(path).start()
  })

  test('cannot make a server of this user listen in a directory of theirs', async () => {
    const folder = await openFolder()
    const theirs = join(folder, 'theirs')
    mkdirSync(theirs)
    chownSync(theirs, OTHER_UID, OTHER_UID)

    await expect(listenerOn(join(theirs, 'server')).start()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`user ${OTHER_UID} owns ${theirs}`),
    })
  })

  test('can listen in a directory of their own, and in a sticky one of root', async () => {
    const folder = await openFolder()
    const theirs = join(folder, 'theirs')
    mkdirSync(theirs)
    chownSync(theirs, OTHER_UID, OTHER_UID)
    chmodSync(folder, 0o1777)
    for (const path of [join(theirs, 'server'), join(folder, 'server')]) {
      const server = await runAs(OTHER_UID, 'server', path)
      await server.nextLine()
      server.write('start')

      expect(await server.nextLine()).toEqual({ address: `unix:${path}` })
    }
  })

  test('cannot listen in a directory without write permission, and the error names permissions', async () => {
    const folder = await openFolder()
    for (const path of [join(folder, 'server'), join(await temporaryFolder(), 'server')]) {
      const server = await runAs(THIRD_UID, 'server', path)
      await server.nextLine()
      server.write('start')

      expect(await server.nextLine()).toMatchObject({
        code: 'LISTEN_FAILED',
        message: expect.stringContaining('permissions'),
        details: { option: 'path' },
      })
    }
  })

  test('cannot replace a socket of root in a sticky directory', async () => {
    const folder = await openFolder()
    chmodSync(folder, 0o1777)
    const path = join(folder, 'server')
    await makeStaleSocket(path)
    const server = await runAs(OTHER_UID, 'server', path)
    await server.nextLine()
    server.write('start')

    expect(await server.nextLine()).toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('a socket of user 0'),
    })
  })
})
