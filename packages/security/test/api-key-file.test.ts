import { chmod, mkdir, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { createFakeClock, describeGate, type FakeClock, until } from '@mcpwire/compliance'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ApiKeyFileGate, type ApiKeyFileOptions, apiKeyFile } from '../src/node/index.js'
import { admissionOf, httpCaller, refusalOf, verdictOf } from './support/handshakes.js'

const TIMEOUT_MS = 30_000
const SETTLE_MS = 100
const CI = 'ci-key-0123456789abcdef'
const LAPTOP = 'laptop-0123456789abcdef'
const withKey = (key: string) => httpCaller({ 'x-api-key': key })
const mode = 0o600

interface Subject {
  readonly gate: ApiKeyFileGate
  readonly path: string
  readonly errors: Error[]
  readonly clock: FakeClock
  /** Resolves once the gate admits the key, or not, while time passes. */
  readonly decides: (key: string, admits: boolean) => Promise<void>
}

async function keyFile(text: string, options: ApiKeyFileOptions = {}, given?: string): Promise<Subject> {
  const path = given ?? join(await temporaryFolder(), 'keys')
  if (given === undefined) await writeFile(path, text, { mode })
  const errors: Error[] = []
  const clock = createFakeClock()
  const gate = apiKeyFile(path, { clock, onError: (error) => errors.push(error), ...options })
  onTestFinished(() => gate[Symbol.dispose]())
  const decides = (key: string, admits: boolean): Promise<void> =>
    passing(clock, async () => (await verdictOf(gate, withKey(key))).admit === admits)
  return { gate, path, errors, clock, decides }
}

async function passing(clock: FakeClock, condition: () => boolean | Promise<boolean>): Promise<void> {
  const step = async (): Promise<boolean> => {
    await clock.advance(SETTLE_MS)
    return await condition()
  }
  await until(step, 'the file is read', TIMEOUT_MS)
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode })
  await rename(`${path}.new`, path)
}

const cleanups: (() => void)[] = []
describeGate('apiKeyFile', {
  gate: async () => {
    const { gate } = await keyFile(`ci ${CI}\n`)
    cleanups.push(() => gate[Symbol.dispose]())
    return gate
  },
  admits: { 'a caller with the key': withKey(CI) },
  refuses: { 'another key': withKey(LAPTOP), 'no key': httpCaller() },
  secrets: [CI, LAPTOP],
})

test('reads names, keys and expiries, and skips comments and blank lines', async () => {
  const { gate, clock } = await keyFile(
    `# the keys\r\n\r\n  ci ${CI}\r\nlaptop\t${LAPTOP}  2023-11-15\r\n# ci old-key-0123456789abcdef\r\n`,
  )
  expect(await admissionOf(gate, withKey(CI))).toMatchObject({
    authInfo: { clientId: 'ci', extra: { sub: 'ci' } },
  })
  expect(await admissionOf(gate, withKey(LAPTOP))).toMatchObject({
    expiresAt: Date.parse('2023-11-15T00:00:00Z'),
  })
  await clock.advance(86_400_000)
  expect(await refusalOf(gate, withKey(LAPTOP))).toMatchObject({ status: 401 })
})

test.each([
  ['written in place', (path: string, text: string) => writeFile(path, text)],
  ['replaced', replace],
  [
    'removed and created',
    async (path: string, text: string) => {
      await unlink(path)
      await writeFile(path, text, { mode })
    },
  ],
  [
    'emptied and then written, as by an editor',
    async (path: string, text: string) => {
      await truncate(path)
      await writeFile(path, text)
    },
  ],
])('uses a file that is %s, and revokes the key that is gone', async (_what, write) => {
  const { gate, path, errors, decides } = await keyFile(`ci ${CI}\n`)
  const { revoked } = await admissionOf(gate, withKey(CI))
  await write(path, `laptop ${LAPTOP}\n`)
  await decides(LAPTOP, true)
  expect(await refusalOf(gate, withKey(CI))).toMatchObject({ status: 401 })
  expect(revoked?.aborted).toBe(true)
  expect(errors).toEqual([])
})

test('follows the swap of a link to a folder, as in a ConfigMap of Kubernetes', async () => {
  const folder = await temporaryFolder()
  for (const [name, text] of [
    ['one', `ci ${CI}\n`],
    ['two', `laptop ${LAPTOP}\n`],
    ['three', `ci ${CI}\n`],
  ] as const) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'keys'), text, { mode })
  }
  const swap = async (name: string): Promise<void> => {
    await symlink(name, join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  await swap('one')
  await symlink(join('..data', 'keys'), join(folder, 'keys'))
  const { decides } = await keyFile('', {}, join(folder, 'keys'))
  await decides(CI, true)
  await swap('two')
  await decides(LAPTOP, true)
  await swap('three')
  await decides(LAPTOP, false)
  await decides(CI, true)
})

test('does not use a file before it is the same for settleMs', async () => {
  const { gate, path, clock, errors, decides } = await keyFile(`ci ${CI}\n`)
  const { revoked } = await admissionOf(gate, withKey(CI))
  await writeFile(path, `laptop ${LAPTOP}\n`)
  await until(() => clock.pending > 0, 'the change is noticed', TIMEOUT_MS)
  await clock.advance(SETTLE_MS)
  await writeFile(path, `laptop ${LAPTOP}\nci ${CI}\n`)
  await decides(LAPTOP, true)
  expect([revoked?.aborted, errors]).toEqual([false, []])
})

test('keeps connections whose key stays in the file', async () => {
  const { gate, path, decides } = await keyFile(`ci ${CI}\n`)
  const { revoked } = await admissionOf(gate, withKey(CI))
  await replace(path, `# a new key\nlaptop ${LAPTOP}\nci ${CI}\n`)
  await decides(LAPTOP, true)
  expect(revoked?.aborted).toBe(false)
  expect((await admissionOf(gate, withKey(CI))).revoked).toBe(revoked)
})

test.each([
  ['the name', `other ${CI}\n`],
  ['the expiry', `ci ${CI} 2999-01-01\n`],
])('revokes a key if %s changes', async (_what, text) => {
  const { gate, path, clock } = await keyFile(`ci ${CI}\n`)
  const { revoked } = await admissionOf(gate, withKey(CI))
  await replace(path, text)
  await passing(clock, () => revoked?.aborted === true)
  expect((await admissionOf(gate, withKey(CI))).revoked?.aborted).toBe(false)
})

test('revokes all keys if only a comment is left', async () => {
  const { path, decides, errors } = await keyFile(`ci ${CI}\n`)
  await replace(path, '# none\n')
  await decides(CI, false)
  expect(errors).toEqual([])
})

describe('a new file with a fault', () => {
  test.each<[string, (path: string) => Promise<void>, RegExp]>([
    ['a line without a key', (path) => replace(path, `ci ${CI}\nlaptop\n`), /line 2 must be: name, key/],
    ['a short key', (path) => replace(path, 'ci short-s3cret\n'), /line 1 must be a key of at least 16/],
    ['a key twice', (path) => replace(path, `ci ${LAPTOP}\nb ${LAPTOP}\n`), /line 2 repeats a key/],
    ['an invalid expiry', (path) => replace(path, `ci ${LAPTOP} tomorrow\n`), /line 1 must have an expiry/],
    [
      'an expiry that does not exist',
      (path) => replace(path, `ci ${LAPTOP} 2027-13-01\n`),
      /line 1 must have an expiry/,
    ],
    ['more words', (path) => replace(path, `ci ${LAPTOP} 2027-01-01 x\n`), /line 1 must be: name/],
    ['an empty file', (path) => truncate(path), /it is empty/],
    ['no file', (path) => unlink(path), /ENOENT/],
    [
      'a folder',
      async (path) => {
        await unlink(path)
        await mkdir(path)
      },
      /no regular file/,
    ],
    ['a file that others can read', (path) => chmod(path, 0o640), /mode 0640/],
    ['a file beyond the limit', (path) => replace(path, `${'# '.padEnd(2_000)}\n`), /maxFileBytes \(1000\)/],
    [
      'bytes that are no UTF-8',
      async (path) => {
        await writeFile(path, Buffer.of(0x63, 0xff, 0x20))
      },
      /path/,
    ],
  ])('is reported once and not used: %s', async (_what, damage, reason) => {
    const { gate, path, errors, clock, decides } = await keyFile(`ci ${CI}\n`, { maxFileBytes: 1_000 })
    const { revoked } = await admissionOf(gate, withKey(CI))
    await damage(path)
    await passing(clock, () => errors.length > 0)
    for (let n = 0; n < 20; n++) await clock.advance(10_000)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject(refused('path'))
    expect(errors[0]?.message).toMatch(reason)
    expect(inspect(errors[0], { depth: 10 })).not.toMatch(/s3cret|0123456789abcdef/)
    expect(revoked?.aborted).toBe(false)
    await admissionOf(gate, withKey(CI))

    await rm(path, { recursive: true, force: true })
    await replace(path, `laptop ${LAPTOP}\n`)
    await decides(LAPTOP, true)
  })
})

test('checks from time to time while the folder is missing', async () => {
  const { path, errors, clock, decides } = await keyFile(`ci ${CI}\n`)
  await rm(dirname(path), { recursive: true })
  await passing(clock, () => errors.length > 0)
  await mkdir(dirname(path), { mode: 0o700 })
  await writeFile(path, `laptop ${LAPTOP}\n`, { mode })
  await decides(LAPTOP, true)
})

test('sets no timer while the file can be watched, and none after its disposal', async () => {
  const { gate, path, clock } = await keyFile(`ci ${CI}\n`)
  expect(clock.pending).toBe(0)
  await replace(path, `laptop ${LAPTOP}\n`)
  await until(() => clock.pending > 0, 'the change is noticed', TIMEOUT_MS)
  gate[Symbol.dispose]()
  expect(clock.pending).toBe(0)
  await admissionOf(gate, withKey(CI))
})

test.each<[string, string, number, RegExp]>([
  ['no keys', '# none\n', 0o600, /it has no keys/],
  ['nothing', '', 0o600, /it is empty/],
  ['a short key', 'ci short-s3cret\n', 0o600, /line 1 must be a key of at least 16 characters/],
  ['a mode for its group', `ci ${CI}\n`, 0o640, /mode 0640\): use chmod 600/],
  ['a mode for others', `ci ${CI}\n`, 0o604, /mode 0604/],
])('rejects a file with %s at the start', async (_what, text, fileMode, reason) => {
  const path = join(await temporaryFolder(), 'keys')
  await writeFile(path, text)
  await chmod(path, fileMode)
  const clock = createFakeClock()
  const error = failureOf(() => apiKeyFile(path, { clock }))
  expect(error).toMatchObject(refused('path'))
  expect((error as Error).message).toMatch(reason)
  expect(inspect(error, { depth: 10 })).not.toMatch(/s3cret|0123456789abcdef/)
  expect(clock.pending).toBe(0)
})

test('accepts a file that others can read by option', async () => {
  const path = join(await temporaryFolder(), 'keys')
  await writeFile(path, `ci ${CI}\n`)
  await chmod(path, 0o644)
  const { gate } = await keyFile('', { requirePrivateFile: false }, path)
  await admissionOf(gate, withKey(CI))
})

test('rejects a path without a file, and one that is none', () => {
  expect(failureOf(() => apiKeyFile('/nonexistent/keys'))).toMatchObject(refused('path'))
  expect(failureOf(() => apiKeyFile(''))).toMatchObject(refused('path'))
  expect(failureOf(() => apiKeyFile(undefined as never))).toMatchObject(refused('path'))
})
