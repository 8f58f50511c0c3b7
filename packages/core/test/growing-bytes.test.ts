import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGrowingBytes } from '../src/messages/growing-bytes.js'

describe('growing bytes', () => {
  it('equal the appended parts for any part sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50_000 }), { maxLength: 20 }), (parts) => {
        const bytes = createGrowingBytes(67_108_864)
        for (const part of parts) bytes.append(part)

        expect(Buffer.from(bytes.view()).equals(Buffer.concat(parts))).toBe(true)
        expect(bytes.length).toBe(parts.reduce((sum, part) => sum + part.length, 0))
      }),
    )
  })

  it('copy each part', () => {
    const bytes = createGrowingBytes(67_108_864)
    const part = new Uint8Array([1, 2, 3])
    bytes.append(part)
    part.fill(9)

    expect([...bytes.view()]).toEqual([1, 2, 3])
  })

  it('are empty after clear() for any length', () => {
    const bytes = createGrowingBytes(67_108_864)
    for (const length of [10, 200_000, 10]) {
      bytes.append(new Uint8Array(length).fill(length))
      expect(bytes.length).toBe(length)
      bytes.clear()
      expect(bytes.length).toBe(0)
    }
    bytes.append(new Uint8Array([7]))

    expect([...bytes.view()]).toEqual([7])
  })

  it('grow in place at large lengths without copying 40 MB repeatedly', () => {
    const bytes = createGrowingBytes(67_108_864)
    const part = new Uint8Array(65_536).fill(1)
    const stores = new Set<ArrayBufferLike>()
    for (let count = 0; count < 640; count++) {
      bytes.append(part)
      stores.add(bytes.view().buffer)
    }

    expect(bytes.length).toBe(640 * 65_536)
    expect(stores.size).toBeLessThanOrEqual(3)
  })

  it('pass a large store on to one next user only', () => {
    const [first, second, third] = [0, 1, 2].map(() => createGrowingBytes(67_108_864))
    const large = new Uint8Array(200_000)
    first?.append(large.fill(1))
    const store = first?.view().buffer
    first?.clear()
    second?.append(large.fill(2))
    third?.append(large.fill(3))
    first?.append(large.fill(4))

    expect(second?.view().buffer).toBe(store)
    expect([first, second, third].map((bytes) => [...new Set(bytes?.view())])).toEqual([[4], [2], [3]])
  })

  it('keep at most 4 MiB of a store for the next user', () => {
    const first = createGrowingBytes(67_108_864)
    first.append(new Uint8Array(20_000_000).fill(1))
    first.clear()
    const second = createGrowingBytes(67_108_864)
    second.append(new Uint8Array(200_000).fill(2))

    expect(second.view().buffer.byteLength).toBeLessThanOrEqual(4_194_304)
    expect(second.length).toBe(200_000)
  })
})
