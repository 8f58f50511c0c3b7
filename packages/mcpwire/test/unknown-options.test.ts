import { expect, test } from 'vitest'
import { endpoint } from '../src/index.js'

const targets = ['tcp://127.0.0.1:1', 'unix:/nowhere', 'ws://127.0.0.1:1', 'http://127.0.0.1:1', ['true']]

test.each(targets)('endpoint(%o) rejects an unknown option and lists the known ones', async (target) => {
  await expect(endpoint(target, { colour: 'red' } as never)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringMatching(/known: .*\bheaders\b/),
    details: { option: 'colour' },
  })
})

test.each(targets)('endpoint(%o) accepts options that apply to other schemes only', async (target) => {
  const options = { cwd: '/', env: {}, inherit: 'safe', stderr: 'ignore', maxMessageBytes: 2048 } as const

  expect((await endpoint(target, { ...options, colour: undefined } as never)).state).toBe('idle')
})

test.each(['stdio', null, 7])('endpoint() rejects %o as options', async (options) => {
  await expect(endpoint('tcp://127.0.0.1:1', options as never)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'options' },
  })
})

test.each([undefined, null, 7, { url: 'tcp://127.0.0.1:1' }, new URL('tcp://127.0.0.1:1')])(
  'endpoint(%o) rejects a value that is no endpoint',
  async (target) => {
    await expect(endpoint(target as never)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      details: { option: 'endpoint', received: target },
    })
  },
)

test.each([
  [['true'], { headers: { authorization: 'secret' } }, 'headers'],
  ...targets.slice(0, 4).map((target) => [target, { tls: { key: 'secret' } }, 'tls'] as const),
  [['true'], { tls: { key: 'secret' } }, 'tls'],
] as const)('endpoint(%o, %o) does not show the rejected value', async (target, options, option) => {
  const error = await endpoint(target as string, options as never).catch((thrown) => thrown)

  expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option } })
  expect(error.message).not.toContain('received')
  expect(error).not.toHaveProperty('details.received')
})
