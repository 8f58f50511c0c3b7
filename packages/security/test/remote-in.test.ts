import { describeGate } from '@mcpwire/compliance'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { remoteIn } from '../src/index.js'
import { httpCaller, refusalOf, verdictOf } from './support/handshakes.js'

const at = (address?: string) => httpCaller({}, { remote: address === undefined ? {} : { address } })

describeGate('remoteIn', {
  gate: () => remoteIn(['192.0.2.0/24']),
  admits: { 'a caller in the range': at('192.0.2.9') },
  refuses: { 'a caller beside it': at('192.0.3.9'), 'a caller without an address': at() },
})

const gate = remoteIn([
  '10.0.0.0/8',
  '192.0.2.7',
  '2001:db8::/32',
  'fe80::/10',
  '::1',
  '::ffff:172.16.0.0/108',
])

test.each([
  '10.0.0.0',
  '10.255.255.255',
  '192.0.2.7',
  '::ffff:10.1.2.3',
  '::FFFF:0a01:0203',
  '2001:db8::1',
  '2001:DB8:0:0::1',
  'fe80::1%eth0',
  '::1',
  '172.16.0.1',
  '172.31.255.255',
])('admits %s', async (address) => {
  expect(await verdictOf(gate, at(address))).toEqual({ admit: true })
})

test.each([
  '11.0.0.0',
  '192.0.2.8',
  '2001:db9::1',
  '::2',
  '::ffff:11.0.0.1',
  '172.32.0.1',
  'unknown',
  '',
  '10',
  '10.1',
  '012.0.0.1',
  '0x0a.0.0.1',
  '10.0.0.1 ',
  '10.0.0.1:80',
  '10.0.0.1, 192.0.2.7',
  '[::1]',
  '::ffff:010.0.0.1',
  '10.0.0.0/8',
])('refuses %o', async (address) => {
  expect(await refusalOf(gate, at(address))).toMatchObject({ status: 403 })
})

test('refuses callers without an address, such as those of Unix sockets', async () => {
  expect(await refusalOf(remoteIn(['0.0.0.0/0', '::/0']), at())).toMatchObject({ status: 403 })
})

test('does not count IPv4 addresses to a range of IPv6', async () => {
  expect(await refusalOf(remoteIn(['::/0']), at('::ffff:10.0.0.1'))).toMatchObject({ status: 403 })
  expect(await verdictOf(remoteIn(['0.0.0.0/0']), at('::ffff:10.0.0.1'))).toEqual({ admit: true })
})

test.each([
  '',
  '10',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/08',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.1.2.3/8',
  '2001:db8::1/32',
  '010.0.0.0/8',
  '0xa.0.0.0/8',
  '::/129',
  'fe80::%eth0/64',
  'localhost',
  '*',
  8,
])('rejects the range %o', (cidr) => {
  expect(failureOf(() => remoteIn([cidr as string]))).toMatchObject(refused('cidrs[0]'))
})

test('rejects a list without ranges', () => {
  expect(failureOf(() => remoteIn([]))).toMatchObject(refused('cidrs'))
})

test('admits exactly the IPv4 addresses with the same prefix', async () => {
  const bits = fc.nat({ max: 0xffff_ffff })
  const text = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.')
  await fc.assert(
    fc.asyncProperty(
      bits,
      bits,
      fc.integer({ min: 0, max: 32 }),
      fc.boolean(),
      async (base, other, length, near) => {
        const mask = length === 0 ? 0 : (-1 << (32 - length)) >>> 0
        const network = (base & mask) >>> 0
        // Half of the addresses are in the range or just beside it.
        const caller = near
          ? ((network | (other & ~mask)) ^ (length === 0 ? 0 : (other & 1) << (32 - length))) >>> 0
          : other
        const { admit } = await verdictOf(remoteIn([`${text(network)}/${length}`]), at(text(caller)))
        expect(admit).toBe((caller & mask) >>> 0 === network)
      },
    ),
  )
})
