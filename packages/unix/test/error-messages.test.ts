import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFakeClock, turns } from '@mcpwire/compliance'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { makeStaleSocket, plainSocket } from '@mcpwire/test-support/socket-files'
import { expect, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'
import { listenerOf } from './support/listeners.js'

/** The text of an error, with the temporary directory as `DIR`. */
async function textOf(work: Promise<unknown>, folder: string): Promise<string> {
  const error = await work.then(
    () => new Error('no error'),
    (reason: unknown) => reason as Error,
  )
  return error.message.replaceAll(folder, 'DIR')
}

test('the errors of unixClient have these texts', async () => {
  const folder = await temporaryFolder()
  await makeStaleSocket(join(folder, 'stale'))
  const start = (path: string) => textOf(unixClient({ path: join(folder, path) }).start(), folder)
  const clock = createFakeClock()
  const headers = (): Promise<never> => new Promise(() => {})
  const late = textOf(
    unixClient({ path: join(folder, 'none'), clock, preamble: { headers } }).start(),
    folder,
  )
  await turns(10)
  await clock.advance(10_000)

  expect({
    missing: await start('none'),
    stale: await start('stale'),
    late: await late,
  }).toMatchInlineSnapshot(`
    {
      "late": "cannot connect to unix:DIR/none: preamble.headers() took longer than connectTimeoutMs (10000 ms)",
      "missing": "cannot connect to unix:DIR/none: the socket does not exist; check that the server is running and that the path is correct",
      "stale": "cannot connect to unix:DIR/stale: connection refused: nothing listens there; check that the server is running and that the path is correct",
    }
  `)
})

test('the errors of unixServer have these texts', async () => {
  const folder = await temporaryFolder()
  const path = (name: string): string => join(folder, name)
  writeFileSync(path('file'), '')
  mkdirSync(path('directory'))
  symlinkSync(path('file'), path('link'))
  await listenerOf({ path: path('live') }).start()
  const start = (name: string) => textOf(listenerOf({ path: path(name) }).start(), folder)
  const names = ['file', 'directory', 'link', 'live', 'none/server', 'file/server']

  expect(
    Object.fromEntries(await Promise.all(names.map(async (name) => [name, await start(name)]))),
  ).toMatchInlineSnapshot(`
    {
      "directory": "cannot listen on unix:DIR/directory: the path is a directory",
      "file": "cannot listen on unix:DIR/file: the path is a file that is not a socket",
      "file/server": "cannot listen on unix:DIR/file/server: its parent is not a directory",
      "link": "cannot listen on unix:DIR/link: the path is a symbolic link",
      "live": "cannot listen on unix:DIR/live: another server listens there; choose another path",
      "none/server": "cannot listen on unix:DIR/none/server: there is no directory DIR/none",
    }
  `)
})

test('the errors of the option path have these texts', () => {
  const thrownBy = (path: string): unknown => {
    try {
      return unixServer({ path })
    } catch (error) {
      return (error as Error).message
    }
  }

  expect({ zero: thrownBy('a\0b'), long: thrownBy(`/${'x'.repeat(110)}`) }).toMatchInlineSnapshot(`
    {
      "long": "option "path" must be at most 107 bytes long on this system (111 bytes given); received "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."",
      "zero": "option "path" must be a path without zero bytes; an abstract name is written @name; received "a\\u0000b"",
    }
  `)
})

test('the errors of a preamble have these texts', async () => {
  const path = join(await temporaryFolder(), 'server')
  const listener = listenerOf({ path, preamble: { maxBytes: 64 } })
  const errors: string[] = []
  const allReported = new Promise<void>((resolve) => {
    listener.onrefused = ({ address, reason }) => {
      if (errors.push(`${address.replace(path, 'PATH')}: ${reason}`) === 2) resolve()
    }
  })
  await listener.start()
  const first = await plainSocket(path)
  first.write('{}\n')
  await new Promise((resolve) => first.resume().once('end', resolve))
  const second = await plainSocket(path)
  second.write(`{${'x'.repeat(100)}`)
  await allReported

  expect(errors).toMatchInlineSnapshot(`
    [
      "unix:PATH: a preamble is required before the first message",
      "unix:PATH: the preamble exceeds preamble.maxBytes (64)",
    ]
  `)
})
