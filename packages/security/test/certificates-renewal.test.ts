import { readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { until } from '@mcpwire/compliance'
import { type FakeClock, fakeClock } from '@mcpwire/test-support/fake-clock'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { describe, expect, test } from 'vitest'
import type { CertificatesOptions } from '../src/node/index.js'
import {
  authority,
  type Files,
  filesIn,
  issued,
  mountedSecret,
  sourceOf,
  write,
  written,
} from './support/certificate-files.js'

const TIMEOUT_MS = 30_000
const CHECK_MS = 60_000
const SETTLE_MS = 1_000
/** Pending deadlines: that of the next check, and that of the wait after a change. */
const SETTLING = 2

const [first, second, third] = [issued('first'), issued('second'), issued('third')]

/** A source that watches its files, on a clock of its own. */
async function watching(
  files: Files,
  options: CertificatesOptions = {},
): Promise<ReturnType<typeof sourceOf> & { clock: FakeClock }> {
  const clock = fakeClock(Date.now())
  const sources = sourceOf({ ...files, clock, ...options })
  await clock.advance(0)
  return { ...sources, clock }
}

function isSettling(clock: FakeClock): Promise<void> {
  return until(() => clock.pending === SETTLING, 'the change was noticed', TIMEOUT_MS)
}

/** Lets time pass after each change that is noticed, until the condition is met. */
async function settleUntil(clock: FakeClock, isMet: () => boolean, what: string): Promise<void> {
  const step = async (): Promise<boolean> => {
    if (clock.pending === SETTLING) await clock.advance(SETTLE_MS)
    return isMet()
  }
  await until(step, what, TIMEOUT_MS)
}

describe('new certificates come into use when', () => {
  test('the files are written in place', async () => {
    const files = await written(first)
    const { source, changes, errors, clock } = await watching(files)
    await write(files, second)
    await settleUntil(clock, () => changes.length > 0, 'the certificate changed')
    expect(changes).toEqual([second.cert])
    expect(source.current()).toMatchObject(second)
    expect(errors).toEqual([])
  })

  test('each file is replaced by another', async () => {
    const folder = await temporaryFolder()
    const files = await write(filesIn(folder), first)
    const { changes, clock } = await watching(files)
    for (const next of [second, third]) {
      const others = await written(next)
      for (const name of ['certFile', 'keyFile'] as const) {
        await writeFile(`${files[name]}.new`, await readFile(others[name]))
        await rename(`${files[name]}.new`, files[name])
      }
      await settleUntil(clock, () => changes.at(-1) === next.cert, 'the certificate changed')
    }
    expect(changes).toEqual([second.cert, third.cert])
  })

  test('a link to their folder is replaced, as in a mounted Kubernetes secret', async () => {
    const { files, put } = await mountedSecret(first)
    const { changes, errors, clock } = await watching(files)
    for (const next of [second, third]) {
      await put(next)
      await settleUntil(clock, () => changes.at(-1) === next.cert, 'the certificate changed')
    }
    expect(changes).toEqual([second.cert, third.cert])
    expect(errors).toEqual([])
  })

  test('a link to a file in another folder is replaced, or its target is written', async () => {
    const [live, archive] = [await temporaryFolder(), await temporaryFolder()]
    const targets = await write(filesIn(archive), first)
    const files = filesIn(live)
    for (const [name, path] of Object.entries(files)) await symlink(targets[name as keyof Files], path)
    const { changes, clock } = await watching(files)
    await write(targets, second)
    await settleUntil(clock, () => changes.at(-1) === second.cert, 'the certificate changed')
    const others = await written(third)
    for (const [name, path] of Object.entries(files)) {
      await symlink(others[name as keyof Files], `${path}.new`)
      await rename(`${path}.new`, path)
    }
    await settleUntil(clock, () => changes.at(-1) === third.cert, 'the certificate changed')
    await write(others, second)
    await settleUntil(clock, () => changes.length === 3, 'the certificate changed')
    expect(changes).toEqual([second.cert, third.cert, second.cert])
  })

  test('the file system reports no change, at the next check', async () => {
    const files = await written(first)
    const clock = fakeClock(Date.now())
    const { changes } = sourceOf({ ...files, clock })
    // Before the first check nothing is watched.
    await write(files, second)
    await clock.advance(0)
    await settleUntil(clock, () => changes.length > 0, 'the certificate changed')
    expect(changes).toEqual([second.cert])
  })

  test('only the authorities are replaced', async () => {
    const files = await written(first)
    const { source, changes, clock } = await watching(files)
    await writeFile(files.caFile, first.cert)
    await settleUntil(clock, () => changes.length > 0, 'the authorities changed')
    expect(source.current()).toEqual({ ...first, ca: [first.cert] })
  })
})

describe('the certificates in use stay in use while', () => {
  test('the certificate is written and its key is not', async () => {
    const files = await written(first)
    const { source, changes, errors, clock } = await watching(files)
    await writeFile(files.certFile, second.cert)
    await isSettling(clock)
    await clock.advance(SETTLE_MS - 1)
    await writeFile(files.keyFile, second.key)
    await clock.advance(1)
    await isSettling(clock)
    expect({ changes, current: source.current() }).toEqual({
      changes: [],
      current: expect.objectContaining(first),
    })
    await settleUntil(clock, () => changes.length > 0, 'the certificate changed')
    expect({ changes, errors }).toEqual({ changes: [second.cert], errors: [] })
  })

  test('the new ones are invalid, which is reported once', async () => {
    const files = await written(first)
    const { source, changes, errors, clock } = await watching(files)
    await writeFile(files.certFile, second.cert)
    await settleUntil(clock, () => errors.length > 0, 'the error was reported')
    expect(errors).toMatchObject([
      {
        code: 'INVALID_OPTION',
        details: { option: 'keyFile' },
        message: expect.stringMatching(
          /^new certificates were rejected, and the ones in use stay in use: option "keyFile"/,
        ),
      },
    ])
    for (let checks = 0; checks < 3; checks++) {
      await clock.advance(CHECK_MS - SETTLE_MS)
      await isSettling(clock)
      await clock.advance(SETTLE_MS)
    }
    expect({ errors: errors.length, changes, current: source.current() }).toEqual({
      errors: 1,
      changes: [],
      current: expect.objectContaining(first),
    })
    await writeFile(files.keyFile, second.key)
    await settleUntil(clock, () => changes.length > 0, 'the certificate changed')
    expect(source.current()).toMatchObject(second)
  })

  test('a file is missing', async () => {
    const files = await written(first)
    const { source, errors, changes, clock } = await watching(files)
    await rm(files.keyFile)
    await settleUntil(clock, () => errors.length > 0, 'the error was reported')
    expect(errors[0]?.message).toMatch(/option "keyFile" must be a file that can be read: ENOENT/)
    expect(source.current()).toMatchObject(first)
    await writeFile(files.keyFile, first.key)
    await clock.advance(CHECK_MS)
    expect(changes).toEqual([])
  })

  test('the new ones are not valid yet, until they are', async () => {
    const files = await written(first)
    const { source, changes, errors, clock } = await watching(files)
    // Times in certificates are whole seconds.
    const validFrom = Math.ceil(clock.epochNow() / 1_000) * 1_000 + 2 * CHECK_MS
    await write(files, issued('later', { validFrom }))
    await settleUntil(clock, () => errors.length > 0, 'the error was reported')
    expect(errors[0]?.message).toMatch(/not valid yet: CN=later/)
    expect(source.current()).toMatchObject(first)
    const passTime = async (): Promise<boolean> => {
      await clock.advance(CHECK_MS)
      return changes.length > 0
    }
    await until(passTime, 'the certificate changed', TIMEOUT_MS)
    expect(clock.epochNow()).toBeGreaterThanOrEqual(validFrom)
    expect(errors).toHaveLength(1)
  })

  test('the new ones lack an intermediate that the ones in use have', async () => {
    const issuing = authority.intermediate('issuing')
    const [old, next] = ['old', 'next'].map((name) => issuing.issue({ name }))
    if (!old || !next) throw new Error('unreachable')
    const files = await written({ key: old.key, cert: old.cert + issuing.cert })
    const { errors, changes, clock } = await watching(files)
    await write(files, next)
    await settleUntil(clock, () => errors.length > 0, 'the error was reported')
    expect(errors[0]?.message).toMatch(
      /incomplete chain: it lacks the intermediate certificate CN=issuing \(key identifier/,
    )
    await write(files, { key: next.key, cert: next.cert + issuing.cert })
    await settleUntil(clock, () => changes.length > 0, 'the certificate changed')
  })
})

test('a callback that throws prevents no other callback', async () => {
  const files = await written(first)
  const { source, changes, errors, clock } = await watching(files)
  const failing = source.onChange(() => {
    throw new Error('failing listener')
  })
  source.onError(() => {
    throw new Error('failing listener of errors')
  })
  const after: string[] = []
  source.onChange(() => after.push('called'))
  await write(files, second)
  await settleUntil(clock, () => after.length > 0, 'the other listener was called')
  expect(errors.map(String)).toEqual(['Error: failing listener'])
  failing[Symbol.dispose]()
  await write(files, third)
  await settleUntil(clock, () => changes.length === 2, 'the certificate changed')
  expect(errors).toHaveLength(1)
})

test('a source that is disposed of holds no timer, and its material stays', async () => {
  const files = await written(first)
  const { source, changes, clock } = await watching(files)
  await write(files, second)
  await isSettling(clock)
  source[Symbol.dispose]()
  expect(clock.pending).toBe(0)
  await clock.advance(CHECK_MS)
  expect({ changes, pending: clock.pending }).toEqual({ changes: [], pending: 0 })
  expect(source.current()).toMatchObject(first)
})
