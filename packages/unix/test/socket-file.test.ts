import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { Server } from 'node:net'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Clock, type Listener, systemClock } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'
import { clearStaleSocket, removeIf } from '../src/socket-file.js'
import { temporaryFolder } from './support/folder.js'
import { PROGRAMS, run, runCommand } from './support/programs.js'
import { foreignServer, isAlive, makeStaleSocket } from './support/sockets.js'

type ServerOptions = Parameters<typeof unixServer>[0]

function served(options: ServerOptions): Listener {
  const listener = unixServer(options)
  listener.onconnection = (connection) => void connection.start()
  onTestFinished(() => listener.close())
  return listener
}

async function refusalOf(options: ServerOptions): Promise<string> {
  const error: unknown = await served(options)
    .start()
    .catch((reason: unknown) => reason)
  const address = `unix:${options.path}`
  expect(error).toMatchObject({ code: 'LISTEN_FAILED', details: { address } })
  const { message } = error as Error
  expect(message.startsWith(`cannot listen on ${address}: `), message).toBe(true)
  expect(message).not.toContain('\0')
  return message
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777
}

describe('the file of a listener', () => {
  test.each([undefined, 0o600, 0o660, 0o666])(
    'has mode %o, whatever the umask says [SEC-S-07]',
    async (mode) => {
      const path = join(await temporaryFolder(), 'server')
      const before = process.umask(0o077)
      onTestFinished(() => void process.umask(before))
      await served({ path, mode }).start()

      expect(modeOf(path)).toBe(mode ?? 0o600)
    },
  )

  test('has its mode from the first moment, and no other name that others can reach', async () => {
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
    await served({ path, mode: 0o606 }).start()

    expect(seen).toEqual([
      { reachable: 0o700, named: false },
      { mode: 0o606, left: false },
    ])
    expect(umask).not.toHaveBeenCalled()
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('is gone after close(), and nothing else is left', async () => {
    const folder = await temporaryFolder()
    const listener = served({ path: join(folder, 'server') })
    await listener.start()
    await listener.close()

    expect(readdirSync(folder)).toEqual([])
  })

  test('is gone after a start() that was aborted at any moment', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    for (let turns = 0; turns < 8; turns++) {
      await makeStaleSocket(path)
      const controller = new AbortController()
      const listener = served({ path })
      const started = listener.start({ signal: controller.signal })
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      controller.abort(new Error('enough'))
      await expect(started).rejects.toThrow('enough')
      rmSync(path, { force: true })

      expect(readdirSync(folder)).toEqual([])
    }
  })

  test.runIf(process.platform === 'linux')('may be as deep as the system has words for it', async () => {
    const folder = await temporaryFolder()
    const deep = join(folder, 'x'.repeat(104 - folder.length))
    mkdirSync(deep)
    const path = join(deep, 's')
    expect(path).toHaveLength(107)
    const listener = served({ path })
    await listener.start()
    expect(await isAlive(path)).toBe(true)
    await listener.close()

    expect(readdirSync(deep)).toEqual([])
  })

  test('stays ours when the working directory changes', async () => {
    const folder = await temporaryFolder()
    const before = process.cwd()
    onTestFinished(() => process.chdir(before))
    process.chdir(folder)
    const listener = served({ path: 'server' })
    process.chdir(before)
    await listener.start()
    expect(existsSync(join(folder, 'server'))).toBe(true)
    await listener.close()

    expect(readdirSync(folder)).toEqual([])
  })

  test('can be made by a worker thread, with its mode', async () => {
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

describe('what is at the path already', () => {
  test('is never taken from a server that listens', async () => {
    const path = join(await temporaryFolder(), 'server')
    await served({ path }).start()

    expect(await refusalOf({ path })).toContain('another server listens there (option path)')
    expect(await isAlive(path)).toBe(true)
  })

  test('is never taken from a server that is busy, with its queue full', async () => {
    const path = join(await temporaryFolder(), 'server')
    const busy = runCommand(process.execPath, ['-e', BUSY, path])
    await busy.heard()
    const fill = runCommand(process.execPath, ['-e', FILL, path])
    await fill.heard()

    expect(await refusalOf({ path })).toContain('busy')
    expect(existsSync(path)).toBe(true)
  })

  test('is never taken from a server that does not answer the probe', async () => {
    const path = join(await temporaryFolder(), 'server')
    await makeStaleSocket(path)
    const hasty: Clock = {
      ...systemClock,
      deadline: (ms, expire) => {
        process.nextTick(expire)
        return systemClock.deadline(ms, () => {})
      },
    }

    await expect(clearStaleSocket(path, 'unix:x', hasty)).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('does not answer'),
    })
    expect(existsSync(path)).toBe(true)
  })

  test('is replaced where it is a socket that nobody listens to', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const crashed = run('server', path)
    await crashed.heard()
    crashed.say('start')
    expect(await crashed.heard()).toEqual({ address: `unix:${path}` })
    await crashed.crash()
    expect(existsSync(path)).toBe(true)
    await served({ path }).start()

    expect(await isAlive(path)).toBe(true)
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('is left as it is where it is a file, a directory or a link', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const put: [string, () => void][] = [
      ['no socket', () => writeFileSync(path, 'precious')],
      ['a directory', () => mkdirSync(path)],
      ['a symbolic link', () => symlinkSync(join(folder, 'nowhere'), path)],
      ['a symbolic link', () => symlinkSync(join(folder, 'stale'), path)],
    ]
    await makeStaleSocket(join(folder, 'stale'))
    for (const [why, make] of put) {
      make()
      const before = lstatSync(path)

      expect(await refusalOf({ path })).toContain(why)
      expect(lstatSync(path)).toEqual(before)
      rmSync(path, { recursive: true })
    }
    expect(readdirSync(folder)).toEqual(['stale'])
  })

  test('survives where it came between the probe and the removal, also with the same number', async () => {
    const path = join(await temporaryFolder(), 'server')
    await makeStaleSocket(path)
    const clearing = clearStaleSocket(path, 'unix:x', systemClock)
    rmSync(path)
    await foreignServer(path)

    await expect(clearing).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
    expect(await isAlive(path)).toBe(true)
  })

  test('is put back where it is another one when it is moved aside', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    await foreignServer(path)
    let looks = 0

    expect(removeIf(path, () => ++looks === 1)).toBe(false)
    expect(await isAlive(path)).toBe(true)
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('is not put back over what took its place meanwhile', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    await makeStaleSocket(path)
    let looks = 0
    const removed = removeIf(path, () => {
      if (++looks === 1) return true
      writeFileSync(path, 'precious')
      return false
    })

    expect(removed).toBe(false)
    expect(readFileSync(path, 'utf8')).toBe('precious')
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('has one owner where two listeners of a process start at the same moment', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    for (let round = 0; round < 20; round++) {
      await makeStaleSocket(path)
      const both = [served({ path }), served({ path })]
      const outcomes = await Promise.allSettled(both.map((each) => each.start()))

      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      const lost = outcomes.find((each) => each.status === 'rejected')
      expect(lost?.reason).toMatchObject({ code: 'LISTEN_FAILED' })
      expect(await isAlive(path)).toBe(true)
      expect(readdirSync(folder)).toEqual(['server'])
      await Promise.all(both.map((each) => each.close()))
    }
  })

  test('has one owner where processes start at the same moment', { timeout: 30_000 }, async () => {
    const folder = await temporaryFolder()
    for (let round = 0; round < 3; round++) {
      const path = join(folder, 'server')
      await makeStaleSocket(path)
      const servers = Array.from({ length: 4 }, () => run('server', path))
      await Promise.all(servers.map(({ heard }) => heard()))
      for (const { say } of servers) say('start')
      const outcomes = (await Promise.all(servers.map(({ heard }) => heard()))) as { code?: string }[]

      const codes = outcomes.map(({ code }) => code)
      expect(codes.filter((code) => code === undefined)).toHaveLength(1)
      expect(codes.filter((code) => code === 'LISTEN_FAILED')).toHaveLength(3)
      expect(await isAlive(path)).toBe(true)
      expect(readdirSync(folder)).toEqual(['server'])
      const winner = servers[codes.indexOf(undefined)]
      winner?.say('close')
      expect(await winner?.heard()).toBe('closed')
      expect(readdirSync(folder)).toEqual([])
    }
  })

  test('belongs to one process of a cluster', async () => {
    const folder = await temporaryFolder()
    const outcomes = (await run('cluster', join(folder, 'server')).heard()) as string[]

    expect(outcomes.sort()).toEqual(['LISTEN_FAILED', 'listens'])
  })
})

describe('the folder', () => {
  test('must exist, and be one', async () => {
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'file'), '')

    expect(await refusalOf({ path: join(folder, 'none', 'server') })).toContain('no directory')
    expect(await refusalOf({ path: join(folder, 'file', 'server') })).toContain('no directory')
  })

  test('must not let everybody replace its files, unless it is sticky', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    chmodSync(folder, 0o777)
    expect(await refusalOf({ path })).toContain('everybody can replace files')
    chmodSync(folder, 0o1777)
    await served({ path }).start()

    expect(await isAlive(path)).toBe(true)
  })

  test('may go while listening: connections live on, and close() ends everything', async () => {
    const folder = await temporaryFolder()
    const inner = join(folder, 'inner')
    mkdirSync(inner)
    const listener = served({ path: join(inner, 'server') })
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

describe('closing', () => {
  test('leaves the file of another server that took the path', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const first = served({ path })
    await first.start()
    rmSync(path)
    await served({ path }).start()
    await first.close()

    expect(await isAlive(path)).toBe(true)
    expect(readdirSync(folder)).toEqual(['server'])
  })

  test('leaves another file, a directory, or nothing, as it found it', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    for (const put of [() => writeFileSync(path, 'precious'), () => mkdirSync(path), () => {}]) {
      const listener = served({ path })
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

  test('removes the file though its mode was changed', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'server')
    const listener = served({ path })
    await listener.start()
    chmodSync(path, 0o666)
    await listener.close()

    expect(readdirSync(folder)).toEqual([])
  })
})

describe.runIf(process.platform === 'linux')('an abstract name', () => {
  test('is taken by one server, and free once it has closed', async () => {
    const path = `@mcpwire-${process.pid}-taken`
    const listener = served({ path })
    await listener.start()
    expect(listener.address).toBe(`unix:${path}`)
    expect(await refusalOf({ path })).toContain('another server listens there (option path)')
    await listener.close()

    await served({ path }).start()
  })

  test('that nobody has is named readably', async () => {
    const path = `@mcpwire-${process.pid}-nobody`
    const error: unknown = await unixClient({ path })
      .start()
      .catch((reason: unknown) => reason)

    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('nobody listens there'),
      details: { address: `unix:${path}` },
    })
  })
})

/** Listens with the shortest queue, and never accepts. */
const BUSY = `
  require('node:net').createServer().listen({ path: process.argv[1], backlog: 1 }, () => {
    require('node:fs').writeSync(1, '"ready"\\n')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

/** Connects until the queue is full. */
const FILL = `
  const { connect } = require('node:net')
  const next = () => connect({ path: process.argv[1] }).once('connect', next).once('error', ({ code }) => console.log(JSON.stringify(code)))
  next()`
