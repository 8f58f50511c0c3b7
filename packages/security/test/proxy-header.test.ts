import type { ProxyHeader } from '@mcpwire/core/authoring'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ProxyProtocolOptions, proxyProtocol } from '../src/node/index.js'
import { extension, ipv4Ends, ipv6Ends, SIGNATURE, version2 } from './support/proxy-headers.js'

const read = (start: string | Uint8Array, options?: ProxyProtocolOptions): ProxyHeader =>
  proxyProtocol(['10.0.0.0/8'], options).read(
    typeof start === 'string' ? Buffer.from(start, 'latin1') : start,
  )
const STREAM4 = 0x11
const STREAM6 = 0x21
const ends = ipv4Ends('192.0.2.9', 4_711)
const found = { address: '192.0.2.9', port: 4_711 }

const complete: Record<string, [header: string | Uint8Array, remote: unknown]> = {
  'version 1 with IPv4': ['PROXY TCP4 192.0.2.9 10.0.0.1 4711 7000\r\n', found],
  'version 1 with IPv6': [
    'PROXY TCP6 2001:DB8::9 ::1 4711 7000\r\n',
    { address: '2001:db8::9', port: 4_711 },
  ],
  'version 1 with mapped IPv4': ['PROXY TCP6 ::ffff:192.0.2.9 ::1 4711 0\r\n', found],
  'the longest line of version 1': [`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, { address: 'unknown' }],
  'version 1 without addresses': ['PROXY UNKNOWN\r\n', { address: 'unknown' }],
  'version 2 with IPv4': [version2(0x21, STREAM4, ends), found],
  'version 2 with IPv6': [
    version2(0x21, STREAM6, ipv6Ends([0x2001, 0xdb8, 0, 0, 0, 0, 0, 9], 4_711)),
    { address: '2001:db8::9', port: 4_711 },
  ],
  'version 2 with mapped IPv4': [
    version2(0x21, STREAM6, ipv6Ends([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0209], 4_711)),
    found,
  ],
  'version 2 with a Unix socket': [version2(0x21, 0x31, Buffer.alloc(216)), { address: 'unknown' }],
  'version 2 without a family': [version2(0x21, 0x00), { address: 'unknown' }],
  'version 2 without a family, with bytes': [
    version2(0x21, 0x00, extension(4, Buffer.alloc(9))),
    { address: 'unknown' },
  ],
  'version 2 with extensions': [
    version2(
      0x21,
      STREAM4,
      Buffer.concat([ends, extension(4, Buffer.alloc(300)), extension(0xea, Buffer.of(1))]),
    ),
    found,
  ],
  'version 2 for the proxy itself': [version2(0x20, 0x00), undefined],
  'version 2 for the proxy itself, with addresses': [version2(0x20, STREAM4, ends), undefined],
}

describe.each(Object.entries(complete))('%s', (_what, [header, remote]) => {
  const bytes = typeof header === 'string' ? Buffer.from(header, 'latin1') : header

  test('is read, and leaves the bytes of the caller', () => {
    const kind = 'complete'
    expect(read(bytes)).toEqual({ kind, length: bytes.length, remote })
    expect(read(Buffer.concat([bytes, Buffer.from('PROXY {"a":1}\r\n')]))).toEqual({
      kind,
      length: bytes.length,
      remote,
    })
  })

  test('is incomplete before its last byte', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(read(bytes.subarray(0, length)), `${length} bytes`).toEqual({ kind: 'incomplete' })
  })
})

const v1 = (rest: string) => `PROXY ${rest}`
const malformed: Record<string, string | Uint8Array> = {
  'a message': '{"jsonrpc":"2.0"}\n',
  'a TLS handshake': Buffer.of(0x16, 0x03, 0x01),
  'lower case': 'proxy TCP4 192.0.2.9 10.0.0.1 1 2\r\n',
  'a blank before it': ' PROXY UNKNOWN\r\n',
  'a line feed before it': '\nPROXY UNKNOWN\r\n',
  'no carriage return': v1('TCP4 192.0.2.9 10.0.0.1 1 2\n'),
  'two blanks': v1('TCP4  192.0.2.9 10.0.0.1 1 2\r\n'),
  'a blank at the end': v1('TCP4 192.0.2.9 10.0.0.1 1 2 \r\n'),
  'a tab': v1('TCP4\t192.0.2.9 10.0.0.1 1 2\r\n'),
  'a carriage return inside': v1('TCP4 192.0.2.9\r10.0.0.1 1 2\r\n'),
  'a null byte': v1('TCP4 192.0.2.9\0 10.0.0.1 1 2\r\n'),
  'an unknown family': v1('TCP5 192.0.2.9 10.0.0.1 1 2\r\n'),
  UDP: v1('UDP4 192.0.2.9 10.0.0.1 1 2\r\n'),
  'IPv6 as IPv4': v1('TCP4 2001:db8::9 ::1 1 2\r\n'),
  'IPv4 as IPv6': v1('TCP6 192.0.2.9 10.0.0.1 1 2\r\n'),
  'an IPv6 destination of IPv4': v1('TCP4 192.0.2.9 ::1 1 2\r\n'),
  'a leading zero': v1('TCP4 192.0.2.09 10.0.0.1 1 2\r\n'),
  'a short address': v1('TCP4 192.521 10.0.0.1 1 2\r\n'),
  'an address beyond the range': v1('TCP4 192.0.2.256 10.0.0.1 1 2\r\n'),
  'a hexadecimal address': v1('TCP4 0xc0000209 10.0.0.1 1 2\r\n'),
  'an address with a zone': v1('TCP6 fe80::1%eth0 ::1 1 2\r\n'),
  'two shortened groups': v1('TCP6 1::2::3 ::1 1 2\r\n'),
  'a missing port': v1('TCP4 192.0.2.9 10.0.0.1 1\r\n'),
  'a port beyond the range': v1('TCP4 192.0.2.9 10.0.0.1 65536 2\r\n'),
  'a destination port beyond the range': v1('TCP4 192.0.2.9 10.0.0.1 1 99999\r\n'),
  'a port with a zero': v1('TCP4 192.0.2.9 10.0.0.1 01 2\r\n'),
  'a negative port': v1('TCP4 192.0.2.9 10.0.0.1 -1 2\r\n'),
  'a name': v1('TCP4 caller.example 10.0.0.1 1 2\r\n'),
  'a line of 108 bytes': v1(`UNKNOWN ${'f'.repeat(92)}\r\n`),
  'a line without an end': v1(`UNKNOWN ${'f'.repeat(93)}`),
  'control characters in an unfinished line': v1('TCP4 192.0.2.9\x01'),
  'a signature with another byte': Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.of(0x0b)]),
  'version 1 in binary': version2(0x11, STREAM4, ends),
  'version 3': version2(0x31, STREAM4, ends),
  'an unknown command': version2(0x22, STREAM4, ends),
  'an unknown family in binary': version2(0x21, 0x41, ends),
  'an unknown transport': version2(0x21, 0x13, ends),
  'a datagram': version2(0x21, 0x12, ends),
  'addresses that are cut off': version2(0x21, STREAM4, ends.subarray(0, 11)),
  'IPv6 with the length of IPv4': version2(0x21, STREAM6, ends),
  'a Unix socket with the length of IPv4': version2(0x21, 0x31, ends),
  'an extension without its length': version2(0x21, STREAM4, Buffer.concat([ends, Buffer.of(4, 0)])),
  'an extension beyond the header': version2(
    0x21,
    STREAM4,
    Buffer.concat([ends, extension(4, Buffer.alloc(2), 3)]),
  ),
  'a short checksum': version2(0x21, STREAM4, Buffer.concat([ends, extension(3, Buffer.alloc(3))])),
  'a wrong checksum': version2(0x21, STREAM4, Buffer.concat([ends, extension(3, Buffer.alloc(4))])),
  'a wrong checksum of LOCAL': version2(0x20, 0x00, extension(3, Buffer.alloc(4))),
  'a header beyond maxBytes': version2(0x21, STREAM4, Buffer.alloc(0), 4_081),
}

test.each(Object.entries(malformed))('refuses %s', (_what, header) => {
  expect(read(header)).toMatchObject({ kind: 'malformed' })
})

test('refuses a long header by its length, before its bytes arrive', () => {
  expect(read(version2(0x21, STREAM4, Buffer.alloc(0), 521), { maxBytes: 536 })).toMatchObject({
    kind: 'malformed',
  })
  expect(read(version2(0x21, STREAM4, Buffer.alloc(0), 520), { maxBytes: 536 })).toEqual({
    kind: 'incomplete',
  })
})

test('accepts a right checksum (RFC 3720, appendix B.4)', () => {
  // 32 bytes of zeros have the checksum 0x8a9136aa. Here it is computed bit by bit, over the whole header.
  const header = version2(0x21, STREAM4, Buffer.concat([ends, extension(3, Buffer.alloc(4))]))
  expect(bitwiseCrc32c(Buffer.alloc(32))).toBe(0x8a91_36aa)
  header.writeUInt32BE(bitwiseCrc32c(header), header.length - 4)
  expect(read(header)).toMatchObject({ kind: 'complete', remote: found })
  header[16] = 1
  expect(read(header)).toMatchObject({ kind: 'malformed' })
})

function bitwiseCrc32c(bytes: Uint8Array): number {
  let remainder = 0xffff_ffffn
  for (const byte of bytes)
    for (let bit = 0n; bit < 8n; bit++) {
      const top = (remainder ^ (BigInt(byte) >> bit)) & 1n
      remainder = (remainder >> 1n) ^ (top * 0x82f6_3b78n)
    }
  return Number(remainder ^ 0xffff_ffffn)
}

test('never throws, and finds the same caller whatever follows the header', () => {
  const part = fc.oneof(
    fc.constantFrom(...Object.values(complete).map(([header]) => Buffer.from(header as string, 'latin1'))),
    fc.uint8Array({ maxLength: 40 }),
  )
  const bytes = fc
    .tuple(part, fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 3 }))
    .map(([base, changes]) => {
      const copy = Buffer.from(base)
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value
      return copy
    })
  fc.assert(
    fc.property(bytes, (start) => {
      const header = read(start)
      if (header.kind !== 'complete') return
      expect(header.length).toBeLessThanOrEqual(start.length)
      // The same bytes give the same caller, whatever follows.
      expect(read(Buffer.concat([start, Buffer.from('x')]))).toEqual(header)
      if (header.remote) expect(header.remote.address).toMatch(/^(unknown|[\da-f:.]+)$/)
    }),
    { numRuns: 5_000 },
  )
})

test('reads every address and port back', () => {
  const port = fc.integer({ min: 0, max: 65_535 })
  fc.assert(
    fc.property(fc.ipV4(), port, (address, number) => {
      const remote = { address, port: number }
      expect(read(`PROXY TCP4 ${address} 10.0.0.1 ${number} 7000\r\n`)).toMatchObject({ remote })
      expect(read(version2(0x21, STREAM4, ipv4Ends(address, number)))).toMatchObject({ remote })
    }),
  )
  fc.assert(
    fc.property(fc.array(port, { minLength: 8, maxLength: 8 }), port, (groups, number) => {
      const text = groups.map((group) => group.toString(16)).join(':')
      const one = read(`PROXY TCP6 ${text} ::1 ${number} 7000\r\n`)
      const two = read(version2(0x21, STREAM6, ipv6Ends(groups, number)))
      expect(one).toMatchObject({ kind: 'complete', remote: { port: number } })
      expect(two).toMatchObject({ remote: (one as { readonly remote: object }).remote })
    }),
  )
})

test('expects a header from its addresses only', () => {
  const strict = proxyProtocol(['10.0.0.0/8', '::1'])
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '::1']) expect(strict.expect(address)).toBe('header')
  for (const address of ['11.0.0.1', '127.0.0.1', 'unknown', '::2']) {
    expect(strict.expect(address)).toMatchObject({ admit: false, status: 403 })
    expect(proxyProtocol(['10.0.0.0/8'], { refuseOthers: false }).expect(address)).toBe('caller')
  }
})

test.each([
  [[], {}, 'cidrs'],
  [['10.0.0.1/8'], {}, 'cidrs[0]'],
  [['10.0.0.1'], { maxBytes: 535 }, 'maxBytes'],
  [['10.0.0.1'], { maxBytes: Infinity }, 'maxBytes'],
  [['10.0.0.1'], { timeoutMs: 0 }, 'timeoutMs'],
  [['10.0.0.1'], { refuseOthers: 'no' }, 'refuseOthers'],
  [['10.0.0.1'], { version: 2 }, 'version'],
])('rejects %o with %o', (cidrs, options, option) => {
  expect(failureOf(() => proxyProtocol(cidrs, options as object))).toMatchObject(refused(option))
})
