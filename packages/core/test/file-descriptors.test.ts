import { EventEmitter, once } from 'node:events'
import type { Server } from 'node:net'
import { Duplex } from 'node:stream'
import { fakeClock } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it } from 'vitest'
import type { RefusedCaller } from '../src/index.js'
import { descriptorLimit, guardDescriptors } from '../src/node/file-descriptors.js'

const linux = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units
Max processes             63431                63431                processes
Max open files            ${soft.padEnd(20)} 1048576              files
`

describe('the limit of file descriptors', () => {
  it.each([
    ['linux', linux('1024'), 1_024],
    ['linux', linux('64'), 64],
    ['linux', linux('unlimited'), undefined],
    ['linux', linux('0'), undefined],
    ['linux', '', undefined],
    ['darwin', '256\n', 256],
    ['darwin', 'unlimited\n', undefined],
    ['darwin', '', undefined],
    ['win32', linux('1024'), undefined],
    ['freebsd', '1024\n', undefined],
  ])('on %s is read from %j', (platform, text, expected) => {
    expect(descriptorLimit(platform, () => text)).toBe(expected)
  })

  it('is unknown when it cannot be read', () => {
    const failing = (): never => {
      throw new Error('no such file')
    }

    expect(descriptorLimit('linux', failing)).toBeUndefined()
  })

  it.runIf(process.platform === 'linux')('is that of this process', () => {
    expect(descriptorLimit()).toBeGreaterThan(0)
  })
})

/** Of 1 000 descriptors 50 are reserved: from the number 950 on callers are refused, from 975 on without a response. */
const LIMIT = 1_000

/** A server that gets sockets with these descriptors. */
function guarded(refusal?: string) {
  const server = new EventEmitter()
  const clock = fakeClock()
  const served: Duplex[] = []
  const errors: Error[] = []
  const refused: Omit<RefusedCaller, 'omitted'>[] = []
  server.on('connection', (socket: Duplex) => served.push(socket))
  const sink = {
    error: (error: Error) => void errors.push(error),
    refused: (caller: Omit<RefusedCaller, 'omitted'>) => void refused.push(caller),
  }
  guardDescriptors(server as Server, { sink, address: 'tcp://here', refusal, clock }, LIMIT)
  const call = (fd: unknown): { socket: Duplex; sent: () => string } => {
    let text = ''
    const socket = Object.assign(
      new Duplex({
        read: () => {},
        write: (chunk, _encoding, done) => {
          text += String(chunk)
          done()
        },
      }),
      { _handle: { fd }, remoteAddress: '10.0.0.1', destroySoon: () => socket.destroy() },
    )
    server.emit('connection', socket)
    return { socket, sent: () => text }
  }
  return { server, clock, served, errors, refused, call }
}

describe('a server whose descriptors are nearly used up', () => {
  it.each([0, 20, 949, -1, undefined, 'unknown'])('serves a caller with the descriptor %s', (fd) => {
    const { call, served, refused, errors } = guarded('no')

    const { socket } = call(fd)

    expect(served).toEqual([socket])
    expect([refused, errors]).toEqual([[], []])
  })

  it.each([950, 974])('sends the refusal to a caller with the descriptor %s', async (fd) => {
    const { call, served, refused, clock } = guarded('no')

    const { socket, sent } = call(fd)
    expect([sent(), served]).toEqual(['no', []])
    socket.push(null)
    await once(socket, 'close')

    expect(refused).toEqual([
      { address: '10.0.0.1', status: 503, reason: `file descriptors are nearly used up (${fd + 1} of 1000)` },
    ])
    await clock.advance(1_000)
    expect(clock.pending).toBe(0)
  })

  it.each([
    [975, 'no'],
    [999, 'no'],
    [950, undefined],
  ])('destroys the socket with the descriptor %s and the refusal %s at once', (fd, refusal) => {
    const { call, served, refused } = guarded(refusal)

    const { socket, sent } = call(fd)

    expect([socket.destroyed, sent(), served]).toEqual([true, '', []])
    expect(refused).toHaveLength(1)
  })

  it('destroys a refused socket that its caller keeps open', async () => {
    const { call, clock } = guarded('no')
    const { socket } = call(960)

    await clock.advance(499)
    expect(socket.destroyed).toBe(false)
    await clock.advance(1)

    expect(socket.destroyed).toBe(true)
  })

  it('ignores errors of refused sockets', () => {
    const { call } = guarded('no')
    const { socket } = call(960)

    expect(() => socket.emit('error', new Error('ECONNRESET'))).not.toThrow()
  })

  it('serves callers again when descriptors are free', () => {
    const { call, served } = guarded('no')
    call(960)

    const { socket } = call(40)

    expect(served).toEqual([socket])
  })

  it('reports once to onerror for each burst, with the number of callers', async () => {
    const { call, errors, refused, clock } = guarded('no')
    for (const fd of [980, 990, 985, 981]) call(fd)
    expect(errors).toHaveLength(1)

    await clock.advance(1_000)

    expect(errors.map(({ message }) => /refused .* of \d+\)/.exec(message)?.[0])).toEqual([
      'refused 1 caller: file descriptors are nearly used up (981 of 1000)',
      'refused 3 callers: file descriptors are nearly used up (991 of 1000)',
    ])
    expect(errors[0]).toMatchObject({
      code: 'LISTEN_FAILED',
      details: { hint: expect.stringContaining('ulimit -n') },
    })
    expect(refused).toHaveLength(4)
  })

  it('reports the rest when it closes, and keeps no timer', () => {
    const { call, errors, clock, server } = guarded()
    for (const fd of [980, 980, 980]) call(fd)

    server.emit('close')

    expect(errors.at(-1)?.message).toContain('2 callers')
    expect(clock.pending).toBe(0)
  })

  it('checks nothing where the limit is unknown', () => {
    const server = new EventEmitter()
    const sink = { error: () => {}, refused: () => {} }

    guardDescriptors(server as Server, { sink, address: '', refusal: '', clock: fakeClock() }, undefined)

    expect(server.listenerCount('connection')).toBe(0)
  })
})
