import { chmodSync, chownSync, copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Listener } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unixServer } from '../src/index.js'
import { temporaryFolder } from './support/folder.js'
import { PROGRAMS, type Running, runCommand } from './support/programs.js'
import { isAlive, makeStaleSocket } from './support/sockets.js'

const NOBODY = 65_534
const STRANGER = 65_533

/** Only root may be somebody else. */
const isRoot = process.platform === 'linux' && process.geteuid?.() === 0

function served(path: string, mode?: number): Listener {
  const listener = unixServer({ path, mode })
  listener.onconnection = (connection) => void connection.start()
  onTestFinished(() => listener.close())
  return listener
}

/** Runs a program as another user, from a copy in a folder that user can read. */
async function runAs(uid: number, name: string, ...args: readonly string[]): Promise<Running> {
  const folder = await temporaryFolder()
  chmodSync(folder, 0o755)
  const copy = join(folder, `${name}.mjs`)
  copyFileSync(join(PROGRAMS, `${name}.mjs`), copy)
  const who = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
  return runCommand('setpriv', [...who, '--', process.execPath, copy, ...args])
}

async function openFolder(): Promise<string> {
  const folder = await temporaryFolder()
  chmodSync(folder, 0o755)
  return folder
}

describe.runIf(isRoot)('another user of this host', () => {
  test('is kept out by the mode, and reads why', async () => {
    const path = join(await openFolder(), 'server')
    await served(path).start()
    const client = await runAs(NOBODY, 'client', path)

    expect(await client.heard()).toEqual({
      code: 'CONNECT_FAILED',
      message: `cannot connect to unix:${path}: its permissions, or those of a folder above it, keep this user out`,
    })
  })

  test('is kept out by a folder, and reads why', async () => {
    const path = join(await temporaryFolder(), 'server')
    await served(path, 0o666).start()
    const client = await runAs(NOBODY, 'client', path)

    expect(await client.heard()).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('permissions'),
    })
  })

  test('gets in where the mode says so', async () => {
    const path = join(await openFolder(), 'server')
    await served(path, 0o666).start()
    const client = await runAs(NOBODY, 'client', path)

    expect(await client.heard()).toEqual({ address: `unix:${path}` })
  })

  test('who tries all the while never gets in, not for a moment', { timeout: 30_000 }, async () => {
    const folder = await openFolder()
    const path = join(folder, 'server')
    const intruder = await runAs(NOBODY, 'intruder', folder)
    expect(await intruder.heard()).toBe('ready')
    for (let round = 0; round < 150; round++) {
      if (round % 2 === 1) await makeStaleSocket(path)
      const listener = served(path)
      const callers: unknown[] = []
      listener.onconnection = (connection) => callers.push(connection)
      await listener.start()
      await isAlive(path)
      await listener.close()
      expect(callers.length).toBeLessThanOrEqual(1)
    }
    await served(path).start()
    intruder.say('stop')
    const outcomes = (await intruder.heard()) as Record<string, number>

    expect(outcomes['connected']).toBeUndefined()
    expect(outcomes['EACCES']).toBeGreaterThan(0)
  })

  test('keeps a socket that is theirs, stale or not', async () => {
    const folder = await openFolder()
    chmodSync(folder, 0o1777)
    const path = join(folder, 'server')
    await makeStaleSocket(path)
    chownSync(path, NOBODY, NOBODY)

    await expect(served(path).start()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`a socket of user ${NOBODY} is there`),
    })
    rmSync(path)
    await served(path).start()
  })

  test('cannot make this one listen in a folder of theirs', async () => {
    const folder = await openFolder()
    const theirs = join(folder, 'theirs')
    mkdirSync(theirs)
    chownSync(theirs, NOBODY, NOBODY)

    await expect(served(join(theirs, 'server')).start()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`user ${NOBODY}, who owns ${theirs}, can replace files in it`),
    })
  })

  test('listens in a folder of their own, and of root where it is sticky', async () => {
    const folder = await openFolder()
    const theirs = join(folder, 'theirs')
    mkdirSync(theirs)
    chownSync(theirs, NOBODY, NOBODY)
    chmodSync(folder, 0o1777)
    for (const path of [join(theirs, 'server'), join(folder, 'server')]) {
      const server = await runAs(NOBODY, 'server', path)
      await server.heard()
      server.say('start')

      expect(await server.heard()).toEqual({ address: `unix:${path}` })
    }
  })

  test('reads why they cannot listen in a folder that is not theirs to write to', async () => {
    const folder = await openFolder()
    for (const path of [join(folder, 'server'), join(await temporaryFolder(), 'server')]) {
      const server = await runAs(STRANGER, 'server', path)
      await server.heard()
      server.say('start')

      expect(await server.heard()).toEqual({
        code: 'LISTEN_FAILED',
        message: `cannot listen on unix:${path}: the permissions of its folder keep this user out (option path)`,
      })
    }
  })

  test('cannot replace a socket in a sticky folder that is not theirs', async () => {
    const folder = await openFolder()
    chmodSync(folder, 0o1777)
    const path = join(folder, 'server')
    await makeStaleSocket(path)
    const server = await runAs(NOBODY, 'server', path)
    await server.heard()
    server.say('start')

    expect(await server.heard()).toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('a socket of user 0 is there'),
    })
  })
})
