import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Server } from 'node:net'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { isAlive, makeStaleSocket } from '@mcpwire/test-support/socket-files'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { listenerOf, modeOf } from './support/listeners.js'
import { PROGRAMS } from './support/programs.js'

describe('the socket file', () => {
  test.each([undefined, 0o600, 0o660, 0o666])('has mode %o, whatever the umask [SEC-S-07]', async (mode) => {
    const path = join(await temporaryFolder(), 'server')
    const before = process.umask(0o077)
    onTestFinished(() => void process.umask(before))
    await listenerOf({ path, mode }).start()

    expect(modeOf(path)).toBe(mode ?? 0o600)
  })

  test('has its mode from its first moment, and no other path that other users can reach', async () => {
    const folder = await temporaryFolder()
    chmodSync(folder, 0o777 | 0o1000)
    const path = join(folder, 'server')
    const umask = vi.spyOn(process, 'umask')
    const listen = Server.prototype.listen
    const seen: unknown[] = []
    vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args: unknown[]) {
      const [{ path: bound }] = args as [{ path: string }]
      Reflect.apply(listen, this, args)
      seen.push({ reachable: modeOf(dirname(bound)), named: existsSync(path) })
      this.once('listening', () => seen.push({ mode: modeOf(path), left: existsSync(bound) }))
      return this
    })
    onTestFinished(() => void vi.restoreAllMocks())
    await listenerOf({ path, mode: 0o606 }).start()

    expect(seen).toEqual([
      { reachable: 0o700, named: false },
      { mode: 0o606, left: false },
    ])
    expect(umask).not.toHaveBeenCalled()
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('is removed by close(), and no other file remains', async () => {
    const folder = await temporaryFolder()
    const listener = listenerOf({ path: join(folder, 'server') })
    await listener.start()
    await listener.close()

    expect(readdirSync(folder)).toEqual([])
  })

  test('is removed after a start() that is aborted at any moment', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    for (let turns = 0; turns < 8; turns++) {
      await makeStaleSocket(path)
      const controller = new AbortController()
      const listener = listenerOf({ path })
      const started = listener.start({ signal: controller.signal })
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      controller.abort(new Error('enough'))
      await expect(started).rejects.toThrow('enough')
      rmSync(path, { force: true })

      expect(readdirSync(folder)).toEqual([])
    }
  })

  test.runIf(process.platform === 'linux')('may have the longest path that the system allows', async () => {
    const folder = await temporaryFolder()
    const deep = join(folder, 'x'.repeat(104 - folder.length))
    mkdirSync(deep)
    const path = join(deep, 's')
    expect(path).toHaveLength(107)
    const listener = listenerOf({ path })
    await listener.start()
    expect(await isAlive(path)).toBe(true)
    await listener.close()

    expect(readdirSync(deep)).toEqual([])
  })

  test('is removed by close() though the working directory has changed', async () => {
    const folder = await temporaryFolder()
    const before = process.cwd()
    onTestFinished(() => process.chdir(before))
    process.chdir(folder)
    const listener = listenerOf({ path: 'server' })
    process.chdir(before)
    await listener.start()
    expect(existsSync(join(folder, 'server'))).toBe(true)
    await listener.close()

    expect(readdirSync(folder)).toEqual([])
  })

  test('has its mode when a worker thread listens', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const worker = new Worker(join(PROGRAMS, 'worker.mjs'), { workerData: path })
    const [address] = await once(worker, 'message')
    expect(address).toBe(`unix:${path}`)
    expect(modeOf(path)).toBe(0o640)
    expect(await isAlive(path)).toBe(true)
    worker.postMessage('close')
    await once(worker, 'exit')

    expect(readdirSync(folder)).toEqual([])
  })
})

describe('close()', () => {
  test('keeps the socket file of another server at the same path', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const first = listenerOf({ path })
    await first.start()
    rmSync(path)
    await listenerOf({ path }).start()
    await first.close()

    expect(await isAlive(path)).toBe(true)
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('keeps another file or directory that replaced the socket file', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    for (const put of [() => writeFileSync(path, 'precious'), () => mkdirSync(path), () => {}]) {
      const listener = listenerOf({ path })
      await listener.start()
      renameSync(path, join(folder, 'ours'))
      put()
      const before = readdirSync(folder)
      await listener.close()

      expect(readdirSync(folder)).toEqual(before)
      rmSync(path, { recursive: true, force: true })
      rmSync(join(folder, 'ours'))
    }
  })

  test('removes the socket file though its mode was changed', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const listener = listenerOf({ path })
    await listener.start()
    chmodSync(path, 0o666)
    await listener.close()

    expect(readdirSync(folder)).toEqual([])
  })
})
