import { peer } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { isSecure, listenerAt } from '../src/endpoint.js'
import { endpoint } from '../src/index.js'
import { serverCommand } from './support/bin.js'
import { connect, folder } from './support/listening.js'

test('endpoint() runs a list as a command with its arguments', async () => {
  const transport = await endpoint(serverCommand('raw-server'), { env: { NAMED: 'yes' } })
  expect(transport.state).toBe('idle')
  const client = peer(transport)
  await client.start()
  expect(await client.request('facts')).toMatchObject({ env: { NAMED: 'yes' } })
  await client.close()
})

test.each([
  ['foo://127.0.0.1:7000', /known: stdio:, tcp:, tcps:, unix:/],
  ['tcp://127.0.0.1', /must be tcp:\/\/host:port/],
  ['tcp://127.0.0.1:0', /must be tcp:\/\/host:port/],
  ['tcp://127.0.0.1:70000', /must be tcp:\/\/host:port/],
  ['tcp://127.0.0.1:7000/mcp', /must be tcp:\/\/host:port/],
  ['tcps://name:word@127.0.0.1:7000', /must be tcp:\/\/host:port/],
  ['tcp:127.0.0.1:7000', /must be tcp:\/\/host:port/],
  ['unix:', /must be unix:\/path/],
  ['nonsense', /not a URL: "nonsense"; known: stdio:/],
  ['C:\\server.exe', /not a URL/],
  ['stdio:node', /must be a command with its arguments/],
  [[], /must be a command with its arguments/],
])('endpoint(%j) rejects an invalid endpoint', async (target, message) => {
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
])('%s works for a listener and for a client', async (url) => {
  const listener = await listenerAt(url.replace('/<folder>', folder()))
  listener.onconnection = (connection) => void peer(connection, { requests: { ping: () => ({}) } }).start()
  await listener.start()
  onTestFinished(() => listener.close())
  const client = await connect(listener.address)
  expect(await client.request('ping')).toEqual({})
})

test.runIf(process.platform === 'linux')('unix:@name is an abstract name without a file', async () => {
  const listener = await listenerAt(`unix:@mcpwire ${process.pid}`)
  await listener.start()
  onTestFinished(() => listener.close())
  expect(listener.address).toBe(`unix:@mcpwire ${process.pid}`)
  await (await endpoint(listener.url)).start()
})

test('listenerAt() rejects stdio:', async () => {
  await expect(listenerAt('stdio:')).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'listen', received: 'stdio:' },
  })
})

test.each(['tcp://127.0.0.1:1', 'unix:/nowhere', ['node']])(
  'endpoint(%j) and its listener reject certificates without TLS',
  async (target) => {
    const expected = { code: 'INVALID_OPTION', details: { option: 'tls' } }
    await expect(endpoint(target, { tls: {} })).rejects.toMatchObject(expected)
    if (typeof target !== 'string') return
    await expect(listenerAt(target, { tls: {} })).rejects.toMatchObject(expected)
  },
)

test('endpoint() rejects an invalid option before it runs the command', async () => {
  await expect(endpoint(['node'], { maxMessageBytes: 1 })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'maxMessageBytes' },
  })
})

test('isSecure() is true for schemes with TLS only', () => {
  const urls = ['tcps://h:1', 'TCPS://h:1', 'tcp://h:1', 'unix:/tcps://', 'nonsense']
  expect(urls.filter(isSecure)).toEqual(['tcps://h:1', 'TCPS://h:1'])
})
