import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type StdioClientOptions, stdioClient } from '../src/index.js'
import { record } from './support/messages.js'
import { script } from './support/programs.js'

/** Echoes every line. */
const echo = { command: 'cat' }

describe('secrets', () => {
  const secret = 'hunter2-hunter2'

  test.each([
    ['a missing program', { command: 'no-such-program' }],
    ['a failing program', script('process.exit(1)')],
  ])('in arguments and variables are concealed in the error for %s', async (_, how) => {
    const transport = stdioClient({
      command: how.command,
      args: [...('args' in how ? how.args : []), `--token=${secret}`],
      env: { TOKEN: secret },
      stderr: 'ignore',
    })
    const received = record(transport)
    await transport.start().catch(() => {})
    const reason = await transport.closed
    expect(reason).toBeInstanceOf(Error)
    expect(inspect([reason, received.errors, transport.peer, transport], { depth: 9 })).not.toContain(secret)
  })

  test('are concealed in the error for an invalid variable', () => {
    const env = { TOKEN: [secret] } as unknown as NonNullable<StdioClientOptions['env']>
    try {
      stdioClient({ ...echo, env })
      expect.unreachable()
    } catch (error) {
      expect(inspect(error, { depth: 9 })).not.toContain(secret)
      expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'env.TOKEN' } })
    }
  })

  test.each([
    ['args', { args: '--token=hunter2' }],
    ['args', { args: ['--token=hunter2\0'] }],
    ['args', { args: { token: 'hunter2' } }],
    ['env', { env: { 'TOKEN=hunter2': 'x' } }],
    ['env', { env: 'TOKEN=hunter2' }],
    ['env.TOKEN', { env: { TOKEN: 'hunter2\0' } }],
    ['env.TOKEN', { env: { TOKEN: ['hunter2'] } }],
  ])('are concealed in the error for option %s with an invalid value: %j', (option, wrong) => {
    let thrown: unknown
    try {
      stdioClient({ command: 'true', ...(wrong as object) })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'INVALID_OPTION', details: { option } })
    expect(inspect(thrown, { depth: 9 })).not.toContain('hunter2')
  })
})
