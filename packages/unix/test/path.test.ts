import { resolve } from 'node:path'
import { isTransportError } from '@mcpwire/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'
import { socketPlace } from '../src/path.js'

function refusal(path: string, platform?: string): string {
  try {
    socketPlace(path, platform)
  } catch (error) {
    if (isTransportError(error, 'INVALID_OPTION') && error.details.option === 'path') return error.message
    throw error
  }
  throw new Error(`${path} was taken`)
}

describe('a path', () => {
  test('is a file, wherever the process goes', () => {
    expect(socketPlace('/run/x.sock', 'linux')).toEqual({
      kind: 'file',
      path: '/run/x.sock',
      address: 'unix:/run/x.sock',
    })
    expect(socketPlace('x.sock', 'linux').path).toBe(resolve('x.sock'))
  })

  test.each([
    ['linux', 107],
    ['darwin', 103],
    ['freebsd', 103],
  ])('may on %s be %i bytes long; one more names the limit', (platform, limit) => {
    expect(socketPlace(`/${'x'.repeat(limit - 1)}`, platform).path).toHaveLength(limit)
    expect(refusal(`/${'x'.repeat(limit)}`, platform)).toContain(`at most ${limit} bytes`)
    expect(refusal(`/${'ü'.repeat(limit / 2 + 1)}`, platform)).toContain(`at most ${limit} bytes`)
  })

  test('has no zero bytes', () => {
    expect(refusal('\0name')).toContain('@name')
    expect(refusal('\0name')).not.toContain('\0')
  })

  test.each(['linux', 'darwin', 'win32'])(
    'of any kind is taken or refused on %s, and shown readably',
    (platform) => {
      const piece = fc.oneof(fc.string(), fc.constantFrom('@', '/', '\\', '\\\\.\\pipe\\', 'x'.repeat(90)))
      fc.assert(
        fc.property(fc.array(piece, { minLength: 1 }), (pieces) => {
          const path = pieces.join('')
          try {
            const place = socketPlace(path, platform)
            expect(place.address.startsWith('unix:')).toBe(true)
            expect(place.address).not.toContain('\0')
          } catch (error) {
            if (!isTransportError(error, 'INVALID_OPTION')) throw error
          }
        }),
      )
    },
  )

  test.each([unixClient, unixServer])('is checked by %o', (factory) => {
    expect(() => factory({ path: '' })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(() => factory({ path: `/${'x'.repeat(200)}` })).toThrow(/at most \d+ bytes long/)
  })
})

describe('an abstract name', () => {
  test('is a name without a file, on Linux', () => {
    expect(socketPlace('@name', 'linux')).toEqual({
      kind: 'abstract',
      path: '\0name',
      address: 'unix:@name',
    })
  })

  test.each(['darwin', 'win32'])('is refused on %s', (platform) => {
    expect(refusal('@name', platform)).toContain('Linux')
  })

  test('has at least one and at most 106 characters', () => {
    expect(refusal('@', 'linux')).toContain('at least one')
    expect(socketPlace(`@${'x'.repeat(106)}`, 'linux').path).toHaveLength(107)
    expect(refusal(`@${'x'.repeat(107)}`, 'linux')).toContain('at most 107 bytes')
  })
})

describe('a pipe on Windows', () => {
  test.each(['name', '\\\\.\\pipe\\name', '\\\\.\\PIPE\\name', '\\\\?\\pipe\\name'])(
    'may be called %s',
    (given) => {
      expect(socketPlace(given, 'win32')).toEqual({
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
  ])('may not be called %s', (given) => {
    expect(refusal(given, 'win32')).toContain('without slashes')
  })

  test('has at most 256 characters, prefix included', () => {
    expect(socketPlace('x'.repeat(247), 'win32').path).toHaveLength(256)
    expect(refusal('x'.repeat(248), 'win32')).toContain('at most 256 characters')
  })
})
