import { until } from '@mcpwire/compliance'
import { isTransportError } from '@mcpwire/core'
import { newFolder } from '@mcpwire/test-support/folders'
import { describe, expect, test } from 'vitest'
import { stdioClient, stdioServer } from '../src/index.js'
import { note, record } from './support/messages.js'
import { osPipe } from './support/os-pipe.js'
import { TIMEOUT_MS } from './support/processes.js'
import { script } from './support/programs.js'

const MAX_MESSAGE_BYTES = 2_048

interface Piece {
  readonly name: string
  readonly bytes: Buffer
  readonly code: string
}

const long = JSON.stringify(note(0, { text: 'x'.repeat(MAX_MESSAGE_BYTES) }))
const pieces: readonly Piece[] = [
  {
    name: 'a line over maxMessageBytes',
    bytes: Buffer.from(long),
    code: 'MESSAGE_TOO_LARGE',
  },
  {
    name: 'invalid UTF-8',
    bytes: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]),
    code: 'MALFORMED_MESSAGE',
  },
  {
    name: 'text that is not JSON',
    bytes: Buffer.from('npm warn deprecated'),
    code: 'MALFORMED_MESSAGE',
  },
  {
    name: 'JSON that is not JSON-RPC',
    bytes: Buffer.from('{"level":"info"}'),
    code: 'MALFORMED_MESSAGE',
  },
  { name: 'a JSON number', bytes: Buffer.from('42'), code: 'MALFORMED_MESSAGE' },
]

describe.each(pieces)('$name between two messages', ({ bytes, code }) => {
  const input = Buffer.concat([
    Buffer.from(`${JSON.stringify(note(1))}\n`),
    bytes,
    Buffer.from(`\n\r\n\ufeff${JSON.stringify(note(2))}\r\n`),
  ])

  function expectOne(errors: readonly Error[]): void {
    expect(errors.map((error) => isTransportError(error) && error.code)).toEqual([code])
  }

  test('is reported and skipped when it comes from a child [GEN-01, GEN-02]', async () => {
    const write = `process.stdout.write(Buffer.from('${input.toString('base64')}', 'base64')); process.stdin.resume()`
    const transport = stdioClient({ ...script(write), maxMessageBytes: MAX_MESSAGE_BYTES })
    const received = record(transport)
    await transport.start()
    await until(() => received.messages.length === 2, 'both messages', TIMEOUT_MS)
    expect(received.messages).toEqual([note(1), note(2)])
    expectOne(received.errors)
    await transport.close()
  })

  test('is reported and skipped when it comes from a host', async () => {
    await using folder = await newFolder()
    const [hostOutput, hostInput] = [osPipe(folder.path, 'in'), osPipe(folder.path, 'out')]
    const transport = stdioServer({
      stdin: hostOutput.readable,
      stdout: hostInput.writable,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    })
    const received = record(transport)
    await transport.start()
    hostOutput.writable.write(input)
    await until(() => received.messages.length === 2, 'both messages', TIMEOUT_MS)
    expect(received.messages).toEqual([note(1), note(2)])
    expectOne(received.errors)
    hostOutput.writable.end()
    await transport.closed
    hostInput.readable.destroy()
  })
})
