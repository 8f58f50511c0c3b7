import { once } from 'node:events'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { type Listener, memoryPair, peer, serve, type Transport } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { stdioServer } from '@mcpwire/stdio'
import { tcpServer } from '@mcpwire/tcp'
import { unixServer } from '@mcpwire/unix'
import { wsServer } from '@mcpwire/ws/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { program, run, serverCommand, type WhenFinished } from './support/bin.js'
import { folder } from './support/listening.js'
import { rawWebSockets } from './support/literal-servers.js'

/** The response to a malformed message; `undefined` where there is none. */
interface Answer {
  readonly id?: unknown
  readonly error: { readonly code: number; readonly message: string; readonly data?: unknown }
}

/** Sends a text to a server. Resolves with its response, after a ping has shown that there is no other. */
type Send = (text: string) => Promise<Answer | undefined>

const MALFORMED = { code: 'MALFORMED_MESSAGE', delivery: 'none' }

describe.each(Object.entries(servers()))('over %s', (wire, open) => {
  const cleanups: (() => void | Promise<void>)[] = []
  let send!: Send
  beforeAll(async () => {
    send = await open((end) => void cleanups.push(end))
  }, 20_000)
  afterAll(async () => {
    for (const end of cleanups.reverse()) await end()
  })
  const isSendable = (text: string): boolean => wire !== 'memory' || isJson(text)

  it.each(
    (
      [
        ['no version', '{"id":5,"method":"tools/list"}', -32_600, 5],
        ['version 1.0', '{"jsonrpc":"1.0","id":5,"method":"tools/list"}', -32_600, 5],
        ['params that are a list', '{"jsonrpc":"2.0","id":"a","method":"ping","params":[]}', -32_600, 'a'],
        ['params that are null', '{"jsonrpc":"2.0","id":0,"method":"ping","params":null}', -32_600, 0],
        ['params that are a text', '{"jsonrpc":"2.0","id":5,"method":"ping","params":"x"}', -32_600, 5],
        ['a method that is a number', '{"jsonrpc":"2.0","id":5,"method":7}', -32_600, 5],
        ['a method that is null', '{"jsonrpc":"2.0","id":5,"method":null}', -32_600, 5],
        ['an id alone', '{"jsonrpc":"2.0","id":5}', -32_600, 5],
        ['an id that is a fraction', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32_600, null],
        ['an id that is null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32_600, null],
        ['an id that is a list', '{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32_600, null],
        ['an id that is too large', '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', -32_600, null],
        [
          'a batch',
          '[{"jsonrpc":"2.0","id":5,"method":"ping"},{"jsonrpc":"2.0","method":"a"}]',
          -32_600,
          null,
        ],
        ['a batch of notifications', '[{"jsonrpc":"2.0","method":"a"}]', -32_600, null],
        ['an empty batch', '[]', -32_600, null],
        ['NaN', '{"jsonrpc":"2.0","id":5,"method":"ping","params":{"x":NaN}}', -32_700, 5],
        ['a text that is cut off', '{"jsonrpc":"2.0","id":5,"method":"ping","params":{"x":"', -32_700, 5],
        ['a text cut off before its id', '{"jsonrpc":"2.0","method":"ping","params":{"x":"', -32_700, null],
      ] as const
    ).filter(([, text]) => isSendable(text)),
  )('answers a request with %s', async (_what, text, code, id) => {
    const answer = await send(text)
    expect(answer).toMatchObject({ error: { code, data: MALFORMED } })
    expect(answer?.id ?? null).toBe(id)
  })

  // Over HTTP each POST has a response.
  it.runIf(wire !== 'http').each(
    [
      ['a text', 'hello'],
      ['a list that is cut off', '[1,'],
      ['a notification without a version', '{"method":"notifications/progress"}'],
      ['a notification with a list as params', '{"jsonrpc":"2.0","method":"a","params":[]}'],
      ['a notification with NaN', '{"jsonrpc":"2.0","method":"a","params":{"x":NaN}}'],
      ['a response to no request', '{"jsonrpc":"2.0","id":7,"result":null}'],
      ['a response without an id', '{"jsonrpc":"2.0","error":"no"}'],
      ['an empty object', '{}'],
    ].filter(([, text = '']) => isSendable(text)),
  )('does not answer %s', async (_what, text) => {
    expect(await send(text)).toBeUndefined()
  })
})

it('a bridge refuses a request whose id is in use', async () => {
  const { process, stdout, exit } = run([...program, 'bridge', '--', ...serverCommand('raw-server')])
  const lines = ['hold', 'ping', 'notifications/release'].map((method) => {
    const id = method.startsWith('notifications/') ? {} : { id: 7 }
    return `${JSON.stringify({ jsonrpc: '2.0', ...id, method })}\n`
  })
  process.stdin?.write(lines.slice(0, 2).join(''))
  await expect.poll(() => stdout(), { timeout: 10_000 }).toContain('\n')
  process.stdin?.write(lines[2])
  await expect.poll(() => stdout().split('\n').length, { timeout: 10_000 }).toBe(3)
  process.stdin?.end()
  await exit
  const [refusal, response] = stdout()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(refusal).toMatchObject({ id: 7, error: { code: -32_600, data: MALFORMED } })
  expect(response).toEqual({ jsonrpc: '2.0', id: 7, result: {} })
}, 20_000)

function servers(): Record<string, (whenFinished: WhenFinished) => Promise<Send>> {
  return {
    stdio: async (whenFinished) => {
      const [stdin, stdout] = [new PassThrough(), new PassThrough()]
      const server = peer(stdioServer({ stdin, stdout }))
      whenFinished(() => server.close())
      await server.start()
      return lineSender(stdin, stdout)
    },
    tcp: (whenFinished) => socketSender(tcpServer({ port: 0 }), whenFinished),
    unix: (whenFinished) =>
      socketSender(unixServer({ path: `${folder(whenFinished)}/server` }), whenFinished),
    ws: async (whenFinished) => {
      const listener = wsServer({ port: 0 })
      await serving(listener, whenFinished)
      const socket = new rawWebSockets.WebSocket(listener.url, 'mcp')
      whenFinished(() => socket.close())
      const received: string[] = []
      socket.on('message', (data: Buffer) => void received.push(data.toString()))
      await once(socket, 'open')
      return sender((text) => socket.send(text), received)
    },
    http: async (whenFinished) => {
      const listener = httpServer({ port: 0 })
      await serving(listener, whenFinished)
      const post = async (body: string, headers = {}): Promise<Response> =>
        fetch(listener.url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            ...headers,
          },
          body,
        })
      const params = {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'a', version: '1' },
      }
      const opened = await post(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }))
      const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
      await opened.text()
      return async (text) => {
        const response = await post(text, session)
        expect(response.status).toBe(400)
        const answer = (await response.json()) as Answer
        // A valid message in between: ten malformed ones in a row end the session.
        expect((await post('{"jsonrpc":"2.0","id":1,"method":"ping"}', session)).status).toBe(200)
        return answer
      }
    },
    memory: async (whenFinished) => {
      const [near, far] = memoryPair()
      const server = peer(far)
      whenFinished(() => server.close())
      const received: string[] = []
      near.onmessage = (message) => void received.push(JSON.stringify(message))
      await Promise.all([near.start(), server.start()])
      return sender((text) => void near.send(JSON.parse(text)), received)
    },
    bridge: async (whenFinished) => {
      const { process } = run([...program, 'bridge', '--', ...serverCommand('raw-server')], {}, whenFinished)
      return lineSender(process.stdin as PassThrough, process.stdout as PassThrough)
    },
  }
}

async function serving(listener: Listener, whenFinished: WhenFinished): Promise<void> {
  whenFinished(() => listener.close())
  const requests = {
    initialize: () => ({
      protocolVersion: '2025-06-18',
      capabilities: {},
      serverInfo: { name: 'server', version: '1.0.0' },
    }),
  }
  await serve(listener, (transport: Transport) => peer(transport, { requests }).start())
}

async function socketSender(listener: Listener, whenFinished: WhenFinished): Promise<Send> {
  await serving(listener, whenFinished)
  const { port, pathname } = new URL(listener.url)
  const socket = port === '' ? connect(pathname) : connect(Number(port), '127.0.0.1')
  whenFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return lineSender(socket, socket)
}

function lineSender(writable: NodeJS.WritableStream, readable: NodeJS.ReadableStream): Send {
  const received: string[] = []
  let rest = ''
  readable.setEncoding('utf8')
  readable.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    received.push(...lines)
  })
  return sender((text) => void writable.write(`${text}\n`), received)
}

let pings = 0

function sender(write: (text: string) => void, received: string[]): Send {
  return async (text) => {
    const ping = `ping ${++pings}`
    write(text)
    write(JSON.stringify({ jsonrpc: '2.0', id: ping, method: 'ping' }))
    await expect
      .poll(() => received.some((line) => JSON.parse(line).id === ping), { timeout: 10_000 })
      .toBe(true)
    const lines = received.splice(0).map((line) => JSON.parse(line))
    const answers = lines.filter(({ id }) => id !== ping)
    expect(answers.length).toBeLessThanOrEqual(1)
    return answers[0]
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
