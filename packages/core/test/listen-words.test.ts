import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { bindServer } from '../src/node/index.js'

const door = { connection: () => {}, error: () => {}, end: () => {} }

test.each([
  ['EADDRINUSE', 'another program listens there: choose another port (option port)'],
  ['EACCES', 'this user may not listen there: choose another port (option port)'],
  ['EADDRNOTAVAIL', 'this machine does not have that address (option host)'],
])('%s says which option to look at', async (code, hint) => {
  const cause = Object.assign(new Error(`listen ${code}: 127.0.0.1:80`), { code })
  const listen = (): never => {
    throw cause
  }
  const binding = bindServer(
    createServer(),
    { requestedAddress: 'tcp://127.0.0.1:80', listen },
    { door, signal: new AbortController().signal },
  )

  await expect(binding).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: `cannot listen on tcp://127.0.0.1:80: ${cause.message}; ${hint}`,
    cause,
  })
})
