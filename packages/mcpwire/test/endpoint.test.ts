import { peer } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { isSecure, listenerAt } from '../src/endpoint.js'
import { endpoint } from '../src/index.js'
import { serverCommand } from './support/bin.js'
import { caller, folder } from './support/listening.js'

test('a list is a command with its arguments', async () => {
  const transport = await endpoint(serverCommand('raw-server'), { env: { NAMED: 'yes' } })
  expect(transport.state).toBe('idle')
  const client = peer(transport)
  await client.start()
  expect(await client.request('facts')).toMatchObject({ env: { NAMED: 'yes' } })
  await client.close()
})

test.each([
  ['foo://127.0.0.1:7000', /unknown scheme "foo:"; known: stdio:, tcp:, tcps:, unix:/],
  ['tcp://127.0.0.1', /must be tcp:\/\/host:port or tcps:\/\/host:port, and nothing more/],
  ['tcp://127.0.0.1:0', /must be tcp:\/\/host:port/],
  ['tcp://127.0.0.1:70000', /must be tcp:\/\/host:port/],
  ['tcp://127.0.0.1:7000/mcp', /and nothing more/],
  ['tcps://name:word@127.0.0.1:7000', /and nothing more/],
  ['tcp:127.0.0.1:7000', /must be tcp:\/\/host:port/],
  ['unix:', /must be unix:\/path, or unix:@name/],
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

test.each([
  'tcp://127.0.0.1:0',
  'TCP://[::1]:0/',
  'tcp://localhost:0',
  'unix:/<folder>/a b%20c?d#e',
  'unix:///<folder>/s',
  'Unix:/<folder>/s',
])('%s is where one listens, and where another connects', async (url) => {
  const listener = await listenerAt(url.replace('/<folder>', folder()))
  listener.onconnection = (connection) => void peer(connection, { requests: { ping: () => ({}) } }).start()
  await listener.start()
  onTestFinished(() => listener.close())
  const client = await caller(listener.address)
  expect(await client.request('ping')).toEqual({})
})

test.runIf(process.platform === 'linux')('unix:@name is a name without a file', async () => {
  const listener = await listenerAt(`unix:@mcpwire ${process.pid}`)
  await listener.start()
  onTestFinished(() => listener.close())
  expect(listener.address).toBe(`unix:@mcpwire ${process.pid}`)
  await (await endpoint(listener.url)).start()
})

test('nobody listens on standard streams', async () => {
  await expect(listenerAt('stdio:')).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'listen', received: 'stdio:' },
  })
})

test.each(['tcp://127.0.0.1:1', 'unix:/nowhere', ['node']])(
  'certificates are refused where nothing shows them: %j',
  async (target) => {
    const expected = { code: 'INVALID_OPTION', details: { option: 'tls' } }
    await expect(endpoint(target, { tls: {} })).rejects.toMatchObject(expected)
    if (typeof target !== 'string') return
    await expect(listenerAt(target, { tls: {} })).rejects.toMatchObject(expected)
  },
)

test('an option that cannot work is refused before anything runs', async () => {
  await expect(endpoint(['node'], { maxMessageBytes: 1 })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'maxMessageBytes' },
  })
})

test('certificates belong to some wires', () => {
  expect(['tcps://h:1', 'TCPS://h:1', 'tcp://h:1', 'unix:/tcps://', 'nonsense'].map(isSecure)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})
