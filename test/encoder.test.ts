import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  encodeClose,
  encodeFrame,
  encodeFrameInto,
  frameHeaderLength,
  writeFrameHeader,
} from '../src/ws-codec/index.ts'

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex')
}

const hello = new Uint8Array(Buffer.from('Hello'))
const KEY = 0x3d21fa37

test('RFC 6455 §5.7, encoded', () => {
  assert.equal(hex(encodeFrame(1, true, hello, 0, 5)), '810548656c6c6f')
  assert.equal(hex(encodeFrame(1, true, hello, 0, 5, KEY)), '818537fa213d7f9f4d5158')
  assert.equal(hex(encodeFrame(1, false, hello, 0, 3)), '010348656c')
  assert.equal(hex(encodeFrame(0, true, hello, 3, 5)), '80026c6f')
  assert.equal(hex(encodeFrame(9, true, hello, 0, 5)), '890548656c6c6f')
  assert.equal(hex(encodeFrame(10, true, hello, 0, 5, KEY)), '8a8537fa213d7f9f4d5158')
  assert.equal(hex(encodeFrame(2, true, new Uint8Array(256), 0, 256).subarray(0, 4)), '827e0100')
  assert.equal(
    hex(encodeFrame(2, true, new Uint8Array(65536), 0, 65536).subarray(0, 10)),
    '827f0000000000010000',
  )
})

const headers: [length: number, header: string][] = [
  [0, '8200'],
  [125, '827d'],
  [126, '827e007e'],
  [65535, '827effff'],
  [65536, '827f0000000000010000'],
  [0x7fffffff, '827f000000007fffffff'],
  [0x80000000, '827f0000000080000000'],
  [0x100000000, '827f0000000100000000'],
  [Number.MAX_SAFE_INTEGER, '827f001fffffffffffff'],
]

for (const [length, header] of headers) {
  test(`the header of ${length} bytes is the shortest`, () => {
    const target = new Uint8Array(16).fill(0xee)
    const end = writeFrameHeader(target, 1, 0x82, length)
    assert.equal(hex(target.subarray(0, end)), 'ee' + header)
    assert.equal(end - 1, frameHeaderLength(length, false))
    assert.equal(hex(target.subarray(end)), 'ee'.repeat(16 - end))
    const masked = writeFrameHeader(target, 1, 0x82, length, 0x84838281 | 0)
    assert.equal(masked - 1, frameHeaderLength(length, true))
    assert.equal(target[2], Number.parseInt(header.slice(2, 4), 16) | 0x80)
    assert.equal(hex(target.subarray(masked - 4, masked)), '81828384')
  })
}

test('encodeFrameInto writes at the position, and only the frame', () => {
  const target = new Uint8Array(16).fill(0xee)
  assert.equal(encodeFrameInto(target, 3, 1, true, hello, 1, 4, KEY), 12)
  assert.equal(hex(target), 'eeeeee818337fa213d52964deeeeeeee')
  assert.equal(encodeFrameInto(target, 0, 1, true, hello, 0, 0), 2)
  assert.equal(hex(hello), '48656c6c6f', 'the payload is left alone')
})

test('encodeFrameInto without room throws before it writes', () => {
  const target = new Uint8Array(6)
  assert.throws(() => encodeFrameInto(target, 0, 1, true, hello, 0, 5), RangeError)
  assert.equal(hex(target), '000000000000')
})

test('frames that must not be sent throw', () => {
  const large = new Uint8Array(126)
  for (const opcode of [3, 7, 11, 15, 16, -1, 1.5, Number.NaN]) {
    assert.throws(() => encodeFrame(opcode, true, hello, 0, 5), { code: 'ERR_WS_OPCODE' })
  }
  assert.throws(() => encodeFrame(9, false, hello, 0, 5), { code: 'ERR_WS_CONTROL_FRAGMENTED' })
  assert.throws(() => encodeFrame(9, true, large, 0, 126), { code: 'ERR_WS_CONTROL_TOO_LARGE' })
  assert.equal(encodeFrame(9, true, large, 0, 125).length, 127)
})

test('close frames', () => {
  assert.equal(hex(encodeClose()), '8800')
  assert.equal(hex(encodeClose(1000)), '880203e8')
  assert.equal(hex(encodeClose(1000, '')), '880203e8')
  assert.equal(hex(encodeClose(4999, 'bye')), '88051387627965')
  assert.equal(hex(encodeClose(1000, 'é\ud800')), '880703e8c3a9efbfbd')
  assert.equal(hex(encodeClose(1000, Uint8Array.of(0xc3, 0xa9))), '880403e8c3a9')
  assert.equal(hex(encodeClose(1000, '', KEY)), '888237fa213d3412')
  assert.equal(encodeClose(1000, 'x'.repeat(123)).length, 127)
})

test('W18: a forbidden code or an oversized reason throws', () => {
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65536 + 1000, 1000.5, Number.NaN]) {
    assert.throws(() => encodeClose(code), { name: 'WebSocketError', code: 'ERR_WS_CLOSE_CODE' })
  }
  assert.throws(() => encodeClose(undefined, 'why'), { code: 'ERR_WS_CLOSE_CODE' })
  for (const reason of ['x'.repeat(124), 'é'.repeat(62), new Uint8Array(124)]) {
    assert.throws(() => encodeClose(1000, reason), { code: 'ERR_WS_CONTROL_TOO_LARGE' })
  }
  assert.throws(() => encodeClose(1000, Uint8Array.of(0xff)), {
    code: 'ERR_WS_CLOSE_REASON',
    closeCode: 1007,
  })
})
