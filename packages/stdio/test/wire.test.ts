import { until } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { record } from './support/messages.js'
import { TIMEOUT_MS } from './support/processes.js'
import { script } from './support/programs.js'

/** Sends all received bytes in a notification after the last message. */
const recorder = `let bytes = ''
  process.stdin.on('data', (chunk) => {
    bytes += chunk.toString('latin1')
    if (!bytes.endsWith('"last"}\\n')) return
    console.log(JSON.stringify({ jsonrpc: '2.0', method: 'bytes', params: { bytes } }))
  })`

test('sends each message to a child as one line, and no other byte [STDIO-02, STDIO-03, STDIO-04, STDIO-C-03]', async () => {
  const sent = [
    { jsonrpc: '2.0', id: 1, method: 'ask', params: { text: 'two\nlines\r\n\u2028', _meta: { a: 1 } } },
    { jsonrpc: '2.0', id: 'x', result: { text: 'grüße' } },
    { jsonrpc: '2.0', method: 'last' },
  ] as const
  const transport = stdioClient(script(recorder))
  const received = record(transport)
  await transport.start()
  for (const message of sent) await transport.send(message)
  await until(() => received.messages.length === 1, 'the notification', TIMEOUT_MS)
  const lines = sent.map((message) => `${JSON.stringify(message)}\n`).join('')
  expect(received.messages).toEqual([
    { jsonrpc: '2.0', method: 'bytes', params: { bytes: Buffer.from(lines).toString('latin1') } },
  ])
  await transport.close()
})

test('does not treat output on standard error as an error [STDIO-C-06]', async () => {
  const code = `process.stderr.write('ERROR: all is lost\\n'.repeat(1000), () => process.stdin.pipe(process.stdout))`
  const transport = stdioClient({ ...script(code), stderr: 'ignore' })
  const received = record(transport)
  await transport.start()
  const note = { jsonrpc: '2.0', method: 'note' } as const
  await transport.send(note)
  await until(() => received.messages.length === 1, 'the echo', TIMEOUT_MS)
  expect(received.messages).toEqual([note])
  expect(received.errors).toEqual([])
  await transport.close()
})
