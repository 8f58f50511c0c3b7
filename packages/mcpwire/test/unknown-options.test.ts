import { expect, test } from 'vitest'
import { endpoint } from '../src/index.js'

const targets = ['tcp://127.0.0.1:1', 'unix:/nowhere', 'ws://127.0.0.1:1', 'http://127.0.0.1:1', ['true']]

test.each(targets)(
  'endpoint(%o) refuses an option it does not know, and says which it knows',
  async (target) => {
    await expect(endpoint(target, { colour: 'red' } as never)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/^option "colour" is not known; known: .*\bheaders\b/),
      details: { option: 'colour' },
    })
  },
)

test.each(targets)('endpoint(%o) takes what only other wires read', async (target) => {
  const options = { cwd: '/', env: {}, inherit: 'safe', stderr: 'ignore', maxMessageBytes: 2048 } as const

  expect((await endpoint(target, { ...options, colour: undefined } as never)).state).toBe('idle')
})

test.each(['stdio', null, 7])('endpoint() refuses %o for options', async (options) => {
  await expect(endpoint('tcp://127.0.0.1:1', options as never)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringMatching(/^the options must be an object; received /),
  })
})

test.each([undefined, null, 7, { url: 'tcp://127.0.0.1:1' }, new URL('tcp://127.0.0.1:1')])(
  'endpoint(%o) says what an endpoint is',
  async (target) => {
    await expect(endpoint(target as never)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/^option "endpoint" must be a URL in a string, or a list/),
      details: { option: 'endpoint', received: target },
    })
  },
)

test.each([
  ['tcp://127.0.0.1:1', { headers: { authorization: 'secret' } }, 'headers'],
  ...targets.slice(0, 4).map((target) => [target, { tls: { key: 'secret' } }, 'tls'] as const),
  [['true'], { tls: { key: 'secret' } }, 'tls'],
] as const)('endpoint(%o, %o) says nothing untrue of what it refuses', async (target, options, option) => {
  const error = await endpoint(target as string, options as never).catch((thrown) => thrown)

  expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option } })
  expect(error.message).not.toContain('received')
  expect(error).not.toHaveProperty('details.received')
})
