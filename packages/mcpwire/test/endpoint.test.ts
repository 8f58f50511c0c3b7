import { peer } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { endpoint } from '../src/index.js'
import { serverCommand } from './support/bin.js'

test('a list is a command with its arguments', async () => {
  const transport = await endpoint(serverCommand('raw-server'), { env: { NAMED: 'yes' } })
  expect(transport.state).toBe('idle')
  const client = peer(transport)
  await client.start()
  expect(await client.request('facts')).toMatchObject({ env: { NAMED: 'yes' } })
  await client.close()
})

test.each([
  ['tcp://127.0.0.1:7000', /unknown scheme "tcp:"; known: stdio:/],
  ['nonsense', /no URL: "nonsense"; known: stdio:/],
  ['C:\\server.exe', /no URL/],
  ['stdio:node', /must be a command with its arguments/],
  [[], /must be a command with its arguments/],
])('%j is refused, and it says why', async (target, message) => {
  await expect(endpoint(target)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'endpoint', received: target },
    message: expect.stringMatching(message),
  })
})

test('an option that cannot work is refused before anything runs', async () => {
  await expect(endpoint(['node'], { maxMessageBytes: 1 })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'maxMessageBytes' },
  })
})
