import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { bindServer, type ServerBinding } from '../src/node/index.js'

const sink = { connection: () => {}, error: () => {}, refused: () => {}, end: () => {} }
const requestedAddress = 'tcp://127.0.0.1:80'

function bind(binding: Omit<ServerBinding, 'requestedAddress'>, signal = new AbortController().signal) {
  return bindServer(createServer(), { requestedAddress, ...binding }, { sink, signal })
}

test.each([
  ['EADDRINUSE', 'port'],
  ['EACCES', 'port'],
  ['EADDRNOTAVAIL', 'host'],
])('rejects with LISTEN_FAILED and a hint for %s', async (code, option) => {
  const cause = Object.assign(new Error(`listen ${code}: 127.0.0.1:80`), { code })
  const listen = (): never => {
    throw cause
  }

  await expect(bind({ listen })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    details: { address: requestedAddress, option, hint: expect.any(String) },
    cause,
  })
})

test('rejects with LISTEN_FAILED and does not listen when prepare() rejects', async () => {
  const cause = new Error('read-only file system')
  let calls = 0
  const binding = bind({
    prepare: () => Promise.reject(cause),
    listen: () => calls++,
    describeError: ({ message }) => ({ reason: message, option: 'path' }),
  })

  await expect(binding).rejects.toMatchObject({ code: 'LISTEN_FAILED', details: { option: 'path' }, cause })
  expect(calls).toBe(0)
})

test('rejects with the reason of a signal that aborts during prepare()', async () => {
  const controller = new AbortController()
  const reason = new Error('cancelled')
  let calls = 0
  const binding = bind(
    { prepare: async () => controller.abort(reason), listen: () => calls++ },
    controller.signal,
  )

  await expect(binding).rejects.toBe(reason)
  expect(calls).toBe(0)
})
