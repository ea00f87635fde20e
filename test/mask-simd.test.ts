import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantiate, type Simd, simd } from '../src/ws-codec/payload/mask-simd.ts'
import { maskingHolds } from './support/masking.ts'

const BLOCK = 8192
const aroundBlocks = [BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 15, BLOCK + 16, BLOCK + 17, 2 * BLOCK + 3]

test('this runtime has it', () => {
  assert.ok(simd() !== undefined)
})

maskingHolds([24, 96, 2047, 2048, 2049, 2063, 2064, 2111, 2112, 4095, 4096, 4097, ...aroundBlocks])

test('every length from 16 up to 200: nothing is left out, and nothing behind is written', () => {
  const { memory, unmask } = simd() as Simd
  for (let length = 16; length <= 200; length++) {
    memory.fill(0x55, 0, length + 32)
    assert.equal(unmask(length, 0x01010101), 0)
    assert.ok(memory.subarray(0, length).every((byte) => byte === 0x54))
    assert.ok(memory.subarray(length, length + 32).every((byte) => byte === 0x55))
    for (const high of [0, 15, length - 17, length - 16, length - 1]) {
      memory.fill(0x55, 0, length)
      memory[Math.max(0, high)] = 0xd5
      assert.notEqual(unmask(length, 0x01010101), 0, `${high} of ${length}`)
    }
  }
})

test('a runtime without WebAssembly, or that refuses the module, has none', () => {
  assert.equal(instantiate(undefined), undefined)
  class Refusing {
    constructor() {
      throw new Error('no SIMD')
    }
  }
  assert.equal(instantiate({ Module: Refusing, Instance: Refusing as never }), undefined)
})
