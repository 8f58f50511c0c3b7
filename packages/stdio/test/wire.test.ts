import { until } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { hearing } from './support/messages.js'
import { PATIENCE_MS } from './support/processes.js'
import { script } from './support/programs.js'

/** Tells in a notification which bytes had come when the last message had. */
const recorder = `let heard = ''
  process.stdin.on('data', (chunk) => {
    heard += chunk.toString('latin1')
    if (!heard.endsWith('"last"}\\n')) return
    console.log(JSON.stringify({ jsonrpc: '2.0', method: 'heard', params: { heard } }))
  })`

test('what reaches a child is each message on a line of its own, and no byte besides [STDIO-02, STDIO-03, STDIO-04, STDIO-C-03]', async () => {
  const sent = [
    { jsonrpc: '2.0', id: 1, method: 'ask', params: { text: 'two\nlines\r\n\u2028', _meta: { a: 1 } } },
    { jsonrpc: '2.0', id: 'x', result: { text: 'grüße' } },
    { jsonrpc: '2.0', method: 'last' },
  ] as const
  const transport = stdioClient(script(recorder))
  const heard = hearing(transport)
  await transport.start()
  for (const message of sent) await transport.send(message)
  await until(() => heard.messages.length === 1, 'it told', PATIENCE_MS)
  const lines = sent.map((message) => `${JSON.stringify(message)}\n`).join('')
  expect(heard.messages).toEqual([
    { jsonrpc: '2.0', method: 'heard', params: { heard: Buffer.from(lines).toString('latin1') } },
  ])
  await transport.close()
})

test('words on standard error, and a great many of them, are no error of the transport [STDIO-C-06]', async () => {
  const code = `process.stderr.write('ERROR: all is lost\\n'.repeat(1000), () => process.stdin.pipe(process.stdout))`
  const transport = stdioClient({ ...script(code), stderr: 'ignore' })
  const heard = hearing(transport)
  await transport.start()
  const note = { jsonrpc: '2.0', method: 'note' } as const
  await transport.send(note)
  await until(() => heard.messages.length === 1, 'it came back', PATIENCE_MS)
  expect(heard.messages).toEqual([note])
  expect(heard.errors).toEqual([])
  await transport.close()
})
