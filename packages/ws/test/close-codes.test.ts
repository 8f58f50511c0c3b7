import { tcpProxy } from '@mcpwire/compliance'
import { TransportError } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { closeCodes, codeFor, errorFor, pageCode } from '../src/close-codes.js'
import { CloseFrame, wsClient } from '../src/index.js'
import { CLOSE, closeFrame, frame } from './support/frames.js'
import { eventually, serving } from './support/serving.js'

describe('close codes', () => {
  const server = { address: 'ws://peer' }
  const client = { ...server, mayBePage: true }

  test.each(closeCodes.filter(({ code }) => code !== 1006))(
    '$code means $receivedAs, also in the range of pages',
    ({ code, sentFor, receivedAs }) => {
      const ways = [[code, server] as const, [code, client] as const]
      if (sentFor) ways.push([pageCode(code), client])
      for (const [given, peer] of ways) {
        const error = errorFor(given, 'because', peer)
        expect((error as TransportError | undefined)?.code).toBe(receivedAs)
        if (error) expect(error.cause).toMatchObject({ closeCode: given, closeReason: 'because' })
      }
    },
  )

  test.each([4000, 4001, 4003, 4008, 4321])('%i of a server means PEER_LOST', (code) => {
    expect(errorFor(code, '', server)).toMatchObject({ code: 'PEER_LOST' })
  })

  test.each([4000, 4001, 4003, 4006, 4010, 4012, 4321])('%i of a page means PEER_LOST', (code) => {
    expect(errorFor(code, '', client)).toMatchObject({ code: 'PEER_LOST' })
  })

  test('a close frame without a code is an orderly end', async () => {
    await using server = await serving()
    const client = await server.upgraded()
    client.write(frame('', { opcode: CLOSE }))
    expect(await server.connections[0]?.closed).toBeUndefined()
    expect(server.errors).toEqual([])
  })

  test('the reason of a peer is printed on one line', () => {
    const error = errorFor(1008, 'a\u001b[2Jb\nc\u202e', server)
    expect(error?.message).toMatch(/1008: a \[2Jb c $/)
    expect(String(error?.cause)).not.toContain('\n')
    expect(error?.cause).toMatchObject({ closeReason: 'a\u001b[2Jb\nc\u202e' })
  })

  test('an error is sent as a close code with a known meaning', () => {
    for (const { code, sentFor, receivedAs } of closeCodes) {
      for (const sent of sentFor ?? [])
        expect(codeFor(new TransportError(sent, '', undefined as never))).toBe(code)
      expect([
        'AUTH_REQUIRED',
        'MALFORMED_MESSAGE',
        'MESSAGE_TOO_LARGE',
        'PEER_LOST',
        'REFUSED',
        undefined,
      ]).toContain(receivedAs)
    }
    expect(codeFor(undefined)).toBe(1000)
    expect(codeFor(new Error('own'))).toBe(1011)
  })

  test('a close frame has a reason of at most 123 bytes, and only one about the peer', async () => {
    await using server = await serving()
    for (const [reason, text] of [
      [
        new TransportError('REFUSED', `not any more ${'語'.repeat(60)}`, { status: 401 }),
        /^not any more 語{36}$/,
      ],
      [new Error('password=hunter2'), /^$/],
      // An error of an upstream, as `pipe` passes it on.
      [new TransportError('PEER_LOST', 'lost upstream', { address: 'x' }), /^$/],
      [
        new TransportError('REFUSED', 'tcp://10.0.0.1:7000 refused the connection: no', { status: 403 }),
        /^$/,
      ],
      [new TransportError('MALFORMED_MESSAGE', '10 malformed messages from unix:/a', { preview: '' }), /^$/],
    ] as const) {
      const client = await server.upgraded()
      const connection = server.connections.at(-1)
      void connection?.close({ reason })
      await eventually(() => client.closeFrame !== undefined, 'the close frame')
      expect(client.closeFrame?.reason).toMatch(text)
      expect(client.closeFrame?.code).toBe(codeFor(reason))
    }
  })

  test('a close frame has the reason for a fault of the peer', async () => {
    await using server = await serving()
    const client = await server.upgraded()
    client.write(Buffer.concat(Array(10).fill(frame('{}'))))
    await eventually(() => client.closeFrame !== undefined, 'the close frame')
    expect(client.closeFrame?.reason).toMatch(/^10 malformed messages in a row from ws:/)
  })

  test('closed settles with the close code and reason of the server', async () => {
    await using server = await serving()
    const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' } })
    const client = wsClient({ url: `ws://127.0.0.1:${proxy.port}/mcp` })
    await client.start()
    proxy.inject('near', closeFrame(1013, 'full', false))
    const reason = await client.closed
    expect(reason).toMatchObject({ code: 'REFUSED', details: { status: 503 } })
    expect(reason?.cause).toBeInstanceOf(CloseFrame)
    expect(reason?.cause).toMatchObject({ closeCode: 1013, closeReason: 'full' })
    await proxy.close()
  })

  test('a listener that closes sends 1001 behind the drained responses', async () => {
    const server = await serving()
    const client = await server.upgraded()
    client.write(frame('{"jsonrpc":"2.0","id":1,"method":"x","params":{}}'))
    await eventually(() => client.texts.length === 1, 'the response')
    const closing = server.listener.close({ drainMs: 1_000 })
    await eventually(() => client.closeFrame !== undefined, 'the close frame')
    expect(client.closeFrame?.code).toBe(1001)
    client.write(closeFrame(1001))
    await closing
    const idle = await serving()
    const idleClient = wsClient({ url: idle.listener.url })
    await idleClient.start()
    await idle.listener.close()
    expect(await idleClient.closed).toBeUndefined()
  })
})
