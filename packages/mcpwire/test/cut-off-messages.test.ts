import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { isTransportError, type JsonRpcMessage, memoryPair, pipe, type Transport } from '@mcpwire/core'
import { stdioClient, stdioServer } from '@mcpwire/stdio'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { unixClient, unixServer } from '@mcpwire/unix'
import { describe, expect, it, onTestFinished } from 'vitest'

const first = '{"jsonrpc":"2.0","method":"notifications/first"}\n'
const bracesInText = '{"jsonrpc":"2.0","method":"x","params":{"text":"}}}\\"'

const cutOff: readonly (readonly [what: string, piece: string | Buffer])[] = [
  ['the first byte', '{'],
  ['within the version', '{"jsonrpc":"2.'],
  ['within a request', '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"na'],
  ['within a response', '{"jsonrpc":"2.0","id":7,"result":{"content":[{"te'],
  ['before the last brace', '{"jsonrpc":"2.0","method":"notifications/second"'],
  ['within a text of braces', bracesInText],
  ['after a backslash', '{"jsonrpc":"2.0","method":"x\\'],
  ['within a batch', '[{"jsonrpc":"2.0","method":"x"},'],
  ['within a character', Buffer.from('{"jsonrpc":"2.0","method":"häßlich').subarray(0, -6)],
  ['behind white space', '  {"jsonrpc":"2.0"'],
  ['within a long message', `{"jsonrpc":"2.0","method":"x","params":{"text":"${'x'.repeat(70_000)}`],
]

const whole: readonly (readonly [what: string, piece: string, messages: number, errors: number])[] = [
  ['a whole message without a line feed', '{"jsonrpc":"2.0","method":"notifications/second"}', 2, 0],
  ['a whole message with white space', '{"jsonrpc":"2.0","method":"notifications/second"}  ', 2, 0],
  ['nothing', '', 1, 0],
  ['white space', ' \r', 1, 0],
  ['a line feed', '\n', 1, 0],
  ['JSON that is no message', '{"level":"info"}', 1, 1],
  ['a word', 'bye', 1, 1],
]

/** Makes a transport whose peer sends the bytes and then ends its side. */
type Wire = (bytes: Buffer) => Promise<Transport>

async function boundTo(server: Server, path?: string): Promise<number> {
  onTestFinished(() => void server.close())
  await once(path === undefined ? server.listen(0, '127.0.0.1') : server.listen(path), 'listening')
  return path === undefined ? (server.address() as AddressInfo).port : 0
}

const ending = (bytes: Buffer) => (socket: Socket) =>
  void socket
    .on('error', () => {})
    .resume()
    .end(bytes)

async function served(
  listener: ReturnType<typeof tcpServer>,
  dial: () => Socket,
  bytes: Buffer,
): Promise<Transport> {
  const connection = new Promise<Transport>((resolve) => {
    listener.onconnection = resolve
  })
  onTestFinished(() => listener.close())
  await listener.start()
  ending(bytes)(dial())
  return connection
}

const wires: Readonly<Record<string, Wire>> = {
  'tcp, from a client': async (bytes) => {
    const listener = tcpServer({ port: 0 })
    return served(listener, () => connect(Number(new URL(listener.url).port), '127.0.0.1'), bytes)
  },
  'tcp, from a server': async (bytes) => tcpClient({ port: await boundTo(createServer(ending(bytes))) }),
  'unix, from a client': async (bytes) => {
    const path = join(await temporaryFolder(), 'socket')
    return served(unixServer({ path }), () => connect(path), bytes)
  },
  'unix, from a server': async (bytes) => {
    const path = join(await temporaryFolder(), 'socket')
    await boundTo(createServer(ending(bytes)), path)
    return unixClient({ path })
  },
  'the standard input of a server': async (bytes) => {
    const stdin = new PassThrough()
    stdin.end(bytes)
    return stdioServer({ stdin, stdout: new PassThrough().resume(), exitOnClose: false })
  },
  'the output of a child': async (bytes) => {
    const code = `process.stdout.write(Buffer.from('${bytes.toString('base64')}', 'base64'))`
    return stdioClient({ command: process.execPath, args: ['-e', code], stderr: 'ignore' })
  },
}

async function outcomeOf(wire: Wire, piece: string | Buffer) {
  const transport = await wire(Buffer.concat([Buffer.from(first), Buffer.from(piece)]))
  const messages: JsonRpcMessage[] = []
  const errors: Error[] = []
  transport.onmessage = (message) => messages.push(message)
  transport.onerror = (error) => errors.push(error)
  await transport.start()
  const reason = await transport.closed
  return { reason, messages, errors }
}

describe.each(Object.entries(wires))('the stream of %s', (_wire, wire) => {
  it.each(cutOff)('ends with PEER_LOST when it is cut off: %s', async (_what, piece) => {
    const { reason, messages, errors } = await outcomeOf(wire, piece)
    const bytes = Buffer.byteLength(piece)
    expect(reason).toMatchObject({ code: 'PEER_LOST', details: { bytes } })
    expect(reason?.message).toContain('the stream ended in the middle of a message')
    expect(messages).toMatchObject([{ method: 'notifications/first' }])
    expect(errors).toEqual([reason])
  })

  it.each(whole)('ends in order after %s', async (_what, piece, messageCount, errorCount) => {
    const { reason, messages, errors } = await outcomeOf(wire, piece)
    expect(reason).toBeUndefined()
    expect(messages).toHaveLength(messageCount)
    expect(errors).toHaveLength(errorCount)
  })
})

it('a response that is cut off settles its request, through a pipe', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end('{"jsonrpc":"2.0","id":7,"result":{"x":"'))
  })
  const port = await boundTo(server)
  const [near, far] = memoryPair()
  const piped = pipe(far, tcpClient({ port }))
  const received: JsonRpcMessage[] = []
  near.onmessage = (message) => received.push(message)
  await near.start()
  await near.send({ jsonrpc: '2.0', id: 7, method: 'tools/call' })
  const reason = await piped.closed
  expect(isTransportError(reason, 'PEER_LOST') && reason.details.bytes).toBe(39)
  expect(received).toMatchObject([{ id: 7, error: { code: -31_002, data: { code: 'PEER_LOST' } } }])
})

it('a request that is cut off is answered after the pending responses', async () => {
  const listener = tcpServer({ port: 0 })
  const bytes = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}\n{"jsonrpc":"2.0","id":2,"method":"to')
  const answers: Buffer[] = []
  const dial = (): Socket => {
    const socket = connect({
      port: Number(new URL(listener.url).port),
      host: '127.0.0.1',
      allowHalfOpen: true,
    })
    return socket.on('data', (chunk: Buffer) => answers.push(chunk))
  }
  const connection = await served(listener, dial, bytes)
  connection.onmessage = () => void connection.send({ jsonrpc: '2.0', id: 1, result: {} })
  await connection.start()
  expect(await connection.closed).toMatchObject({ code: 'PEER_LOST' })
  await expect.poll(() => Buffer.concat(answers).toString().trim().split('\n')).toHaveLength(2)
  const [one, two] = Buffer.concat(answers)
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(one).toMatchObject({ id: 1, result: {} })
  expect(two).toMatchObject({ id: 2, error: { code: -32_700 } })
})
