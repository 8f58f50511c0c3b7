import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { guardStdout, stdioServer } from '../src/index.js'
import { note } from './support/messages.js'

type Output = PassThrough & NodeJS.WriteStream

function outputs(): { stdout: Output; stderr: Output } {
  return { stdout: new PassThrough() as unknown as Output, stderr: new PassThrough() as unknown as Output }
}

test('a guarded output takes only what the transport writes, until the guard is disposed of', async () => {
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

test('a guard that was replaced by another stays under it', () => {
  const { stdout, stderr } = outputs()
  const guard = guardStdout({ stdout, stderr })
  const theirs = (): boolean => true
  stdout.write = theirs
  guard[Symbol.dispose]()
  expect(stdout.write).toBe(theirs)
})
