import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { stdioServer } from '../src/index.js'

test('the end of input waits for no response to a cancelled request [STDIO-S-14]', async () => {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()]
  stdout.resume()
  const server = stdioServer({ stdin, stdout, drainMs: 60_000, exitOnClose: false })
  await server.start()

  stdin.write('{"jsonrpc":"2.0","id":1,"method":"tools/call"}\n')
  stdin.end('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n')

  expect(await server.closed).toBeUndefined()
})
