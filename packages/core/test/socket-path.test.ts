import { resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTransportError } from '../src/index.js'
import { parseSocketPath, type SocketPath } from '../src/node/index.js'

const parse = (path: string, platform?: string): SocketPath => parseSocketPath(path, 'path', platform)

/** The text of the error for a path. */
function rejectionOf(path: string, platform?: string): string {
  try {
    parse(path, platform)
  } catch (error) {
    if (isTransportError(error, 'INVALID_OPTION') && error.details.option === 'path') return error.message
    throw error
  }
  throw new Error(`${path} was accepted`)
}

describe('a socket path', () => {
  test('is resolved against the working directory of the moment', () => {
    expect(parse('/run/x.sock', 'linux')).toEqual({
      kind: 'file',
      path: '/run/x.sock',
      address: 'unix:/run/x.sock',
    })
    expect(parse('x.sock', 'linux').path).toBe(resolve('x.sock'))
  })

  test.each([
    ['linux', 107],
    ['darwin', 103],
    ['freebsd', 103],
  ])('has at most the bytes that %s allows (%i), and an error names the limit', (platform, limit) => {
    expect(parse(`/${'x'.repeat(limit - 1)}`, platform).path).toHaveLength(limit)
    expect(rejectionOf(`/${'x'.repeat(limit)}`, platform)).toContain(`at most ${limit} bytes`)
    expect(rejectionOf(`/${'ü'.repeat(limit / 2 + 1)}`, platform)).toContain(`at most ${limit} bytes`)
  })

  test('rejects zero bytes without repeating them', () => {
    expect(rejectionOf('\0name')).toContain('@name')
    expect(rejectionOf('\0name')).not.toContain('\0')
  })

  test.each(['linux', 'darwin', 'win32'])(
    'of any text parses or is rejected on %s, with a readable address',
    (platform) => {
      const piece = fc.oneof(fc.string(), fc.constantFrom('@', '/', '\\', '\\\\.\\pipe\\', 'x'.repeat(90)))
      fc.assert(
        fc.property(fc.array(piece, { minLength: 1 }), (pieces) => {
          const path = pieces.join('')
          try {
            const { address } = parse(path, platform)
            expect(address.startsWith('unix:')).toBe(true)
            expect(address).not.toContain('\0')
          } catch (error) {
            if (!isTransportError(error, 'INVALID_OPTION')) throw error
          }
        }),
      )
    },
  )
})

describe('an abstract name', () => {
  test('parses on Linux', () => {
    expect(parse('@name', 'linux')).toEqual({
      kind: 'abstract',
      path: '\0name',
      address: 'unix:@name',
    })
  })

  test.each(['darwin', 'win32'])('is rejected on %s', (platform) => {
    expect(rejectionOf('@name', platform)).toContain('Linux')
  })

  test('has from 1 to 106 characters after the @', () => {
    expect(rejectionOf('@', 'linux')).toContain('at least one')
    expect(parse(`@${'x'.repeat(106)}`, 'linux').path).toHaveLength(107)
    expect(rejectionOf(`@${'x'.repeat(107)}`, 'linux')).toContain('at most 107 bytes')
  })
})

describe('a pipe name on Windows', () => {
  test.each(['name', '\\\\.\\pipe\\name', '\\\\.\\PIPE\\name', '\\\\?\\pipe\\name'])(
    'parses as %s',
    (given) => {
      expect(parse(given, 'win32')).toEqual({
        kind: 'pipe',
        path: '\\\\.\\pipe\\name',
        address: 'unix:\\\\.\\pipe\\name',
      })
    },
  )

  test.each([
    'C:\\x.sock',
    '/run/x.sock',
    'a\\b',
    '\\\\.\\pipe\\',
    '\\\\.\\pipe\\a\\b',
    '\\\\host\\pipe\\name',
  ])('rejects %s', (given) => {
    expect(rejectionOf(given, 'win32')).toContain('without slashes')
  })

  test('has at most 256 characters, prefix included', () => {
    expect(parse('x'.repeat(247), 'win32').path).toHaveLength(256)
    expect(rejectionOf('x'.repeat(248), 'win32')).toContain('at most 256 characters')
  })
})
