import { once } from 'node:events'
import { connect as dial, type Socket } from 'node:net'
import { join } from 'node:path'
import { initializeParams } from '@mcpwire/test-support/messages'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { program } from './support/bin.js'
import { connect, folder, type Listening, listening } from './support/listening.js'

vi.setConfig({ testTimeout: 60_000 })

const MAX_FILES = 128
/** The bridge with a limit of open files, both the soft and the hard one. */
const limited: readonly string[] = ['sh', '-c', `ulimit -n ${MAX_FILES}; exec "$0" "$@"`, ...program]

const wires = {
  tcp: { url: () => 'tcp://127.0.0.1:0', refusal: /"code":"REFUSED"/ },
  unix: { url: () => `unix:${join(folder(), 's')}`, refusal: /"code":"REFUSED"/ },
  http: { url: () => 'http://127.0.0.1:0/mcp', refusal: /^HTTP\/1\.1 503 .*retry-after: 1/s },
  ws: { url: () => 'ws://127.0.0.1:0/mcp', refusal: /^HTTP\/1\.1 503 .*retry-after: 1/s },
} as const

/** A socket that sends nothing, and what it has received. */
interface Caller {
  readonly socket: Socket
  readonly text: () => string
  readonly closed: Promise<unknown>
}

function caller(address: string): Promise<Caller> {
  const url = new URL(address)
  const to = url.protocol === 'unix:' ? { path: url.pathname } : { port: Number(url.port), host: '127.0.0.1' }
  return new Promise((resolve) => {
    let text = ''
    const socket = dial(to)
    onTestFinished(() => void socket.destroy())
    const closed = once(socket, 'close').catch(() => {})
    const settle = (): void => resolve({ socket, text: () => text, closed })
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        text += String(chunk)
      })
      .once('connect', settle)
      .once('close', settle)
  })
}

/** Opens sockets until one is refused, at the pace at which a bridge starts children. */
async function useUpDescriptors(address: string, refusal: RegExp): Promise<Caller[]> {
  const callers: Caller[] = []
  const open = async (): Promise<boolean> => {
    callers.push(await caller(address))
    return callers.some(({ text }) => refusal.test(text()))
  }
  await expect.poll(open, { interval: 30, timeout: 30_000 }).toBe(true)
  return callers
}

function reports({ logged }: Listening): string[] {
  return logged().filter((line) => line.includes('file descriptors are nearly used up'))
}

describe.skipIf(process.platform !== 'linux')('a bridge whose file descriptors are nearly used up', () => {
  test.each(Object.entries(wires))(
    'refuses callers over %s, serves the others, and reports it',
    async (_wire, { url, refusal }) => {
      const bridge = await listening(
        [url()],
        ['--max-connections', '1000'],
        undefined,
        onTestFinished,
        limited,
      )
      const [address = ''] = bridge.addresses
      const served = await connect(address)
      // Over HTTP this opens the socket that the later request uses again.
      await served.request('initialize', initializeParams('2025-06-18'))
      const callers = await useUpDescriptors(address, refusal)

      await expect(served.request('facts')).resolves.toMatchObject({ pid: expect.any(Number) })
      await vi.waitFor(() => expect(reports(bridge)).not.toEqual([]))
      expect(reports(bridge)[0]).toMatch(/\(\d+ of 128\)/)
      for (const { socket } of callers) socket.destroy()
      await vi.waitFor(async () => {
        const { socket, text, closed } = await caller(address)
        socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n')
        await closed
        // Served: the response is about the request.
        expect(text()).toMatch(/^HTTP\/1\.1 4/)
      }, 10_000)
      expect(bridge.process.exitCode).toBeNull()
    },
  )
})
