import { execFile } from 'node:child_process'
import { Agent } from 'node:http'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { nodeFetchEngine } from '../src/engines/node/node-fetch.js'
import { engineSettings } from './support/engine-calls.js'

const url = new URL('http://127.0.0.1:1/mcp')

test('names the package node-fetch where option agent is given without it', async () => {
  const missing = Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
  const settings = engineSettings({ url, agent: new Agent() })
  const engine = nodeFetchEngine(settings, () => Promise.reject(missing))
  await expect(engine.prepare?.()).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('npm install node-fetch'),
    details: { option: 'agent' },
    cause: missing,
  })
})

/** Starts a client with an agent in a process that cannot resolve node-fetch. */
const program = `
  import { Agent } from 'node:http'
  import { register } from 'node:module'
  const hooks = \`export function resolve(specifier, context, next) {
    if (specifier !== 'node-fetch') return next(specifier, context)
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
  }\`
  register('data:text/javascript,' + encodeURIComponent(hooks))
  const { httpClient } = await import('@mcpwire/http')
  const outcome = ({ code, details }) => console.log(JSON.stringify({ code, details }))
  httpClient({ url: '${url.href}', agent: new Agent() }).start().then(() => console.log('started'), outcome)
  httpClient({ url: '${url.href}' }).start().then(() => console.log('started without an agent'))
`

test('rejects start() where node-fetch is not installed', async () => {
  const flags = ['--conditions=@mcpwire/source', '--import', 'tsx', '--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: import.meta.dirname })
  expect(stdout.trim().split('\n').sort()).toEqual([
    'started without an agent',
    JSON.stringify({ code: 'INVALID_OPTION', details: { option: 'agent' } }),
  ])
})
