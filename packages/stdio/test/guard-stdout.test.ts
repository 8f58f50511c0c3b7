import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { guardStdout, stdioServer } from '../src/index.js'
import { note } from './support/messages.js'

type Output = PassThrough & NodeJS.WriteStream

function outputs(): { stdout: Output; stderr: Output } {
  return { stdout: new PassThrough() as unknown as Output, stderr: new PassThrough() as unknown as Output }
}

test('a guarded output contains only what the transport writes, until the guard is disposed', async () => {
  const { stdout, stderr } = outputs()
  const guard = guardStdout({ stdout, stderr })
  const again = guardStdout({ stdout, stderr })
  const server = stdioServer({ stdin: new PassThrough(), stdout })
  await server.start()
  stdout.write('a banner\n')
  await server.send(note(1))
  await server.close()
  expect(String(stdout.read())).toBe(`${JSON.stringify(note(1))}\n`)
  expect(String(stderr.read())).toBe('a banner\n')

  again[Symbol.dispose]()
  stdout.write('still guarded\n')
  expect(String(stderr.read())).toBe('still guarded\n')
  guard[Symbol.dispose]()
  stdout.write('free\n')
  expect(String(stdout.read())).toBe('free\n')
  expect(Object.hasOwn(stdout, 'write')).toBe(false)
})

test('disposal of a guard keeps a later replacement of write', () => {
  const { stdout, stderr } = outputs()
  const guard = guardStdout({ stdout, stderr })
  const replacement = (): boolean => true
  stdout.write = replacement
  guard[Symbol.dispose]()
  expect(stdout.write).toBe(replacement)
})

test('a guarded output survives a broken standard error', async () => {
  const write = (_chunk: unknown, _encoding: unknown, done: (error: Error) => void): void =>
    void setImmediate(done, new Error('EPIPE'))
  const stderr = new Writable({ write }) as unknown as NodeJS.WriteStream
  const stdout = new PassThrough() as unknown as NodeJS.WriteStream
  const guard = guardStdout({ stdout, stderr })
  const closed = new Promise((resolve) => stderr.once('close', resolve))
  stdout.write('a banner\n')
  await closed
  guard[Symbol.dispose]()
  expect(stderr.listenerCount('error')).toBe(1)
})
