import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8, isUtf8, Utf8Validator, utf8Length } from '../src/ws-codec/index.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function isValid(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Whether the whole is valid, asked byte by byte; and at which byte it became wrong, or -1. */
function byteByByte(bytes: Uint8Array): { valid: boolean; bad: number } {
  const validator = new Utf8Validator()
  for (let at = 0; at < bytes.length; at++) {
    const reached = validator.push(bytes, at, at + 1)
    if (reached !== at + 1) {
      assert.equal(reached, -1 - at)
      return { valid: false, bad: at }
    }
  }
  return { valid: validator.complete, bad: -1 }
}

function whole(bytes: Uint8Array): { valid: boolean; bad: number } {
  const validator = new Utf8Validator()
  const reached = validator.push(bytes, 0, bytes.length)
  if (reached < 0) return { valid: false, bad: -1 - reached }
  assert.equal(reached, bytes.length)
  return { valid: validator.complete, bad: -1 }
}

function check(bytes: Uint8Array): void {
  const expected = isValid(bytes)
  const reading = whole(bytes)
  const name = Buffer.from(bytes).toString('hex')
  assert.equal(reading.valid, expected, name)
  assert.equal(isUtf8(bytes, 0, bytes.length), expected, name)
  assert.deepEqual(byteByByte(bytes), reading, name)
}

test('every sequence of one and two bytes', () => {
  for (let first = 0; first < 256; first++) {
    check(Uint8Array.of(first))
    for (let second = 0; second < 256; second++) check(Uint8Array.of(first, second))
  }
})

const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xed, 0xf0, 0xff]

test('sequences of three and four bytes at the boundaries', () => {
  for (let first = 0xc0; first < 256; first++) {
    for (const second of edges) {
      for (const third of edges) {
        check(Uint8Array.of(first, second, third))
        if (first >= 0xee) for (const fourth of edges) check(Uint8Array.of(first, second, third, fourth))
      }
    }
  }
})

test('every character', () => {
  const validator = new Utf8Validator()
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue
    const text = String.fromCodePoint(point)
    const bytes = new Uint8Array(4)
    const length = encodeUtf8(text, bytes, 0)
    if (length !== utf8Length(text)) assert.fail(`length of U+${point.toString(16)}`)
    if (validator.push(bytes, 0, length) !== length || !validator.complete)
      assert.fail(`U+${point.toString(16)}`)
    if (point % 97 === 0) assert.equal(decoder.decode(bytes.subarray(0, length)), text)
  }
})

test('it is wrong at the first byte that cannot be UTF-8', () => {
  // The longest prefix that can still become valid: some continuation of up to three bytes makes it so.
  const tails = [[], [0x80], [0xa0], [0x80, 0x80], [0xa0, 0x80], [0x90, 0x80, 0x80], [0x80, 0x80, 0x80]]
  const canGoOn = (bytes: Uint8Array) => tails.some((tail) => isValid(Uint8Array.of(...bytes, ...tail)))
  for (const first of [0x41, 0x80, 0xc1, 0xc2, 0xe0, 0xe1, 0xed, 0xee, 0xf0, 0xf1, 0xf4, 0xf5]) {
    for (const second of edges) {
      for (const third of edges) {
        const bytes = Uint8Array.of(first, second, third)
        let bad = -1
        for (let length = 1; length <= 3 && bad < 0; length++) {
          if (!canGoOn(bytes.subarray(0, length))) bad = length - 1
        }
        assert.equal(whole(bytes).bad, bad, Buffer.from(bytes).toString('hex'))
      }
    }
  }
})

test('a bad byte anywhere in a long text, at any alignment', () => {
  for (const good of ['a', 'é', '€', '😀', 'abcdefghijklmnopqrstuvwxyz'.repeat(6) + 'é']) {
    const text = Buffer.from(good.repeat(Math.ceil(330 / good.length)))
    for (let offset = 0; offset < 9; offset++) {
      for (let at = 0; at < 330; at += 1 + (offset % 3)) {
        const buffer = new Uint8Array(text.length + offset)
        buffer.set(text, offset)
        buffer[offset + at] = 0xff
        assert.equal(new Utf8Validator().push(buffer, offset, buffer.length), -1 - offset - at)
      }
    }
  }
})

test('with the host’s own check, it is right and wrong at the same bytes', () => {
  let asked = 0
  const host = (bytes: Uint8Array) => {
    asked++
    return isValid(bytes)
  }
  for (const good of ['a', 'é', '€', '😀']) {
    const text = new Uint8Array(Buffer.from(good.repeat(Math.ceil(600 / Buffer.byteLength(good)))))
    for (let bad = -1; bad < 600; bad += 7) {
      const bytes = text.slice()
      if (bad >= 0) bytes[bad] = bad % 2 ? 0xff : 0xc0
      for (const cut of [0, 1, 2, 3, 150, 151, 152, 153, 300]) {
        const [pure, hosted] = [new Utf8Validator(), new Utf8Validator(host)].map((validator) => {
          const reached = validator.push(bytes, 0, cut)
          return [reached < 0 ? reached : validator.push(bytes, cut, bytes.length), validator.complete]
        })
        assert.deepEqual(hosted, pure, `${good}, bad byte at ${bad}, cut at ${cut}`)
      }
    }
  }
  assert.ok(asked > 0)
})

test('reset starts another text', () => {
  const validator = new Utf8Validator()
  validator.push(Uint8Array.of(0xe2), 0, 1)
  assert.equal(validator.complete, false)
  validator.reset()
  assert.equal(validator.complete, true)
  assert.equal(validator.push(Uint8Array.of(0x61), 0, 1), 1)
})

test('lone surrogates are written as U+FFFD', () => {
  for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800', '\ud800\ud800\udc00', 'é\udbff€', '😀\ude00']) {
    const bytes = new Uint8Array(utf8Length(text))
    assert.equal(encodeUtf8(text, bytes, 0), bytes.length)
    assert.equal(Buffer.from(bytes).toString('hex'), Buffer.from(text).toString('hex'))
  }
})
