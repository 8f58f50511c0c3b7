import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { isAlive, makeStaleSocket } from '@mcpwire/test-support/socket-files'
import { describe, expect, test } from 'vitest'
import { unixClient } from '../src/index.js'
import { listenerOf, startErrorOf } from './support/listeners.js'
import { run, runCommand } from './support/programs.js'

describe('start() on an occupied path', () => {
  test('rejects when another server listens', async () => {
    const path = join(await temporaryFolder(), 'server')
    await listenerOf({ path }).start()

    expect(await startErrorOf({ path })).toContain('another server listens there')
    expect(await isAlive(path)).toBe(true)
  })

  test('rejects when another server listens and its backlog is full', async () => {
    const path = join(await temporaryFolder(), 'server')
    const busy = runCommand(process.execPath, ['-e', BUSY, path])
    await busy.nextLine()
    const filler = runCommand(process.execPath, ['-e', FILL, path])
    await filler.nextLine()

    expect(await startErrorOf({ path })).toContain('backlog')
    expect(existsSync(path)).toBe(true)
  })

  test('replaces the socket file of a crashed server', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const crashed = run('server', path)
    await crashed.nextLine()
    crashed.write('start')
    expect(await crashed.nextLine()).toEqual({ address: `unix:${path}` })
    await crashed.kill()
    expect(existsSync(path)).toBe(true)
    await listenerOf({ path }).start()

    expect(await isAlive(path)).toBe(true)
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('rejects and keeps a file, a directory or a link', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const cases: [string, () => void][] = [
      ['not a socket', () => writeFileSync(path, 'precious')],
      ['a directory', () => mkdirSync(path)],
      ['a symbolic link', () => symlinkSync(join(folder, 'nowhere'), path)],
      ['a symbolic link', () => symlinkSync(join(folder, 'stale'), path)],
    ]
    await makeStaleSocket(join(folder, 'stale'))
    for (const [why, make] of cases) {
      make()
      const before = lstatSync(path)

      expect(await startErrorOf({ path })).toContain(why)
      expect(lstatSync(path)).toEqual(before)
      rmSync(path, { recursive: true })
    }
    expect(readdirSync(folder)).toEqual(['stale'])
  })

  test('succeeds for one of two listeners that start at the same time in one process', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    for (let round = 0; round < 20; round++) {
      await makeStaleSocket(path)
      const both = [listenerOf({ path }), listenerOf({ path })]
      const outcomes = await Promise.allSettled(both.map((each) => each.start()))

      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      const lost = outcomes.find((each) => each.status === 'rejected')
      expect(lost?.reason).toMatchObject({ code: 'LISTEN_FAILED' })
      expect(await isAlive(path)).toBe(true)
      expect(readdirSync(folder)).toEqual(['server'])
      await Promise.all(both.map((each) => each.close()))
    }
  })

  test('succeeds for one of four processes that start at the same time', async () => {
    const folder = await temporaryFolder()
    for (let round = 0; round < 3; round++) {
      const path = join(folder, 'server')
      await makeStaleSocket(path)
      const servers = Array.from({ length: 4 }, () => run('server', path))
      await Promise.all(servers.map(({ nextLine }) => nextLine()))
      for (const { write } of servers) write('start')
      const outcomes = (await Promise.all(servers.map(({ nextLine }) => nextLine()))) as { code?: string }[]

      const codes = outcomes.map(({ code }) => code)
      expect(codes.filter((code) => code === undefined)).toHaveLength(1)
      expect(codes.filter((code) => code === 'LISTEN_FAILED')).toHaveLength(3)
      expect(await isAlive(path)).toBe(true)
      expect(readdirSync(folder)).toEqual(['server'])
      const winner = servers[codes.indexOf(undefined)]
      winner?.write('close')
      expect(await winner?.nextLine()).toBe('closed')
      expect(readdirSync(folder)).toEqual([])
    }
  })

  test('succeeds for one of two processes of a cluster', async () => {
    const folder = await temporaryFolder()
    const outcomes = (await run('cluster', join(folder, 'server')).nextLine()) as string[]

    expect(outcomes.sort()).toEqual(['LISTEN_FAILED', 'listens'])
  })
})

describe.runIf(process.platform === 'linux')('an abstract name', () => {
  test('is occupied by one server, and free after its close()', async () => {
    const path = `@mcpwire-${process.pid}-taken`
    const listener = listenerOf({ path })
    await listener.start()
    expect(listener.address).toBe(`unix:${path}`)
    expect(await startErrorOf({ path })).toContain('another server listens there')
    await listener.close()

    await listenerOf({ path }).start()
  })

  test('is readable in the error of a client when nothing listens', async () => {
    const path = `@mcpwire-${process.pid}-unused`
    const error: unknown = await unixClient({ path })
      .start()
      .catch((reason: unknown) => reason)

    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('nothing listens there'),
      details: { address: `unix:${path}` },
    })
  })
})

/** Listens with the shortest backlog, and never accepts. */
const BUSY = `
  require('node:net').createServer().listen({ path: process.argv[1], backlog: 1 }, () => {
    require('node:fs').writeSync(1, '"ready"\\n')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

/** Connects until the backlog is full. */
const FILL = `
  const { connect } = require('node:net')
  const next = () => connect({ path: process.argv[1] }).once('connect', next).once('error', ({ code }) => console.log(JSON.stringify(code)))
  next()`
