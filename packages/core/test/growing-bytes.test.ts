import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGrowingBytes } from '../src/growing-bytes.js'

describe('growing bytes', () => {
  it('are what was appended, whatever the parts', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50_000 }), { maxLength: 20 }), (parts) => {
        const bytes = createGrowingBytes(67_108_864)
        for (const part of parts) bytes.append(part)

        expect(Buffer.from(bytes.view()).equals(Buffer.concat(parts))).toBe(true)
        expect(bytes.length).toBe(parts.reduce((sum, part) => sum + part.length, 0))
      }),
    )
  })

  it('keep none of the parts by reference', () => {
    const bytes = createGrowingBytes(67_108_864)
    const part = new Uint8Array([1, 2, 3])
    bytes.append(part)
    part.fill(9)

    expect([...bytes.view()]).toEqual([1, 2, 3])
  })

  it('start anew after clear, also beyond the length that is kept', () => {
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

  it('grow in place once they are many, so that 40 MB are not copied again and again', () => {
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
})
