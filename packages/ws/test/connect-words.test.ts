import { expect, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { wsServer } from '../src/node/index.js'
import { freePort, plainServer, portOf } from './support/ports.js'
import { serving } from './support/serving.js'
import { hostCertificate } from './support/tls-tunnel.js'

async function failureAt(url: string): Promise<string> {
  const failure: Error = await wsClient({ url })
    .start()
    .then(
      () => new Error('it started'),
      (error) => error,
    )
  expect(failure).toMatchObject({ code: 'CONNECT_FAILED' })
  return failure.message
}

test('says what to look at where nobody listens', async () => {
  const url = `ws://127.0.0.1:${await freePort()}/mcp`
  expect(await failureAt(url)).toMatch(
    /: connect ECONNREFUSED \S+; is it running, and the port right \(option url\)\?$/,
  )
})

test('says what to look at where no host has that name', async () => {
  expect(await failureAt('ws://nowhere.invalid:7000/mcp')).toMatch(/; is that host right \(option url\)\?$/)
})

test('says in words that a server does not speak TLS', async () => {
  await using server = await serving()
  const url = `wss://127.0.0.1:${server.port}/mcp`
  expect(await failureAt(url)).toBe(
    `cannot connect to ${url}: it does not speak TLS; is the option url to start with ws://?`,
  )
})

test('asks whether a server that hangs up speaks TLS', async () => {
  await using server = await serving({ tls: hostCertificate })
  const url = `ws://127.0.0.1:${server.port}/mcp`
  expect(await failureAt(url)).toBe(
    `cannot connect to ${url}: it hung up before it answered; is the option url to start with wss://?`,
  )
})

test('does not ask so where TLS is spoken', async () => {
  const server = await plainServer((socket) => socket.once('data', () => socket.destroy()))
  const message = await failureAt(`wss://127.0.0.1:${server.port}/mcp`)
  expect(message).not.toContain('option url')
  await server.close()
})

test('names the option of a port that another listens on', async () => {
  await using server = await serving()
  await expect(wsServer({ port: portOf(server.listener.address) }).start()).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringContaining('(option port)'),
  })
})
