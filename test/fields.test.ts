import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeLatin1 } from '../src/http/latin1.ts'
import { FieldSection } from '../src/http/request/fields.ts'
import { bytes, everySplit } from './support/splits.ts'

/** Reads the section that begins at `pos` of `chunk`; where it stopped, and what it has then. */
function read(
  section: FieldSection,
  chunk: Uint8Array,
  pos: number,
): { end: number; raw: string[] | string } {
  const end = section.read(chunk, pos, chunk.length, pos)
  if (section.complete) section.settle(chunk, pos, end)
  return { end, raw: section.complete ? section.rawFields() : (section.error?.code ?? 'waiting') }
}

/** Copies `input` to `offset` of a buffer that is full of `around`; the chunk begins one byte before it. */
function lay(input: Uint8Array, offset: number, around: number): Uint8Array {
  const chunk = new Uint8Array(input.length + 16).fill(around).subarray(offset, offset + input.length + 1)
  chunk.set(input, 1)
  return chunk
}

const isValue = (byte: number) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f)

test('a long value is read by words as by bytes: every byte, at every place of a word and of the memory', () => {
  const before = 'X: '
  for (let offset = 0; offset < 4; offset++)
    for (let place = 40; place < 48; place++)
      for (let byte = 0; byte < 256; byte++) {
        const value = `${'v'.repeat(place)}${String.fromCharCode(byte)}${'w'.repeat(290)}`
        const input = `${before}${value}\r\nY: 2\r\n\r\n`
        const { end, raw } = read(new FieldSection(9, decodeLatin1), lay(bytes(input), offset, 0), 1)
        const what = `0x${byte.toString(16)} at ${place}, memory at ${offset}`
        if (isValue(byte)) {
          assert.deepEqual(raw, ['X', value, 'Y', '2'], what)
          assert.equal(end, 1 + input.length, what)
        } else {
          const code = 'ERR_HTTP_FIELD_VALUE_INVALID'
          const lineEnd = byte === 0x0a || byte === 0x0d
          assert.equal(raw, lineEnd ? 'ERR_HTTP_LINE_END_INVALID' : code, what)
          assert.equal(end, 1 + before.length + place + (byte === 0x0d ? 1 : 0), what)
        }
      }
})

/** Values of every length, with white space of every kind around them. */
function mixed(): { input: string; raw: string[] } {
  let input = ''
  const raw: string[] = []
  for (let length = 0; length < 48; length++) {
    const name = 'N'.repeat(1 + (length % 7))
    const value = 'v\xe9\t w~'.repeat(8).slice(0, length).trim()
    const space = ['', ' ', '\t', '  ', ' \t ', ' '][length % 6]!
    const tail = ['', ' ', '', '\t', ' \t', '', ''][length % 7]!
    input += `${name}:${space}${value}${tail}\r\n`
    raw.push(name, value)
  }
  return { input: `${input}\r\n`, raw }
}

test('lines of every kind after each other, at every place of the memory, whatever lies around them', () => {
  const { input, raw } = mixed()
  for (let offset = 0; offset < 4; offset++)
    for (const around of [0x00, 0x0a, 0x41, 0xff]) {
      const result = read(new FieldSection(48, decodeLatin1), lay(bytes(input), offset, around), 1)
      assert.deepEqual(result, { end: 1 + input.length, raw })
    }
})

test('lines of every kind, in two pieces at every place', () => {
  const { input, raw } = mixed()
  const result = everySplit(bytes(input), (chunks) => {
    const section = new FieldSection(48, decodeLatin1)
    for (const [index, chunk] of chunks.entries()) {
      const end = section.read(chunk, 0, chunk.length, -section.held)
      assert.equal(end, chunk.length)
      if (index < chunks.length - 1) section.hold(chunk, 0, end)
      else section.settle(chunk, 0, end)
    }
    return section.rawFields()
  })
  assert.deepEqual(result, raw)
})

test('short and long sections after each other are read alike', () => {
  const section = new FieldSection(9, decodeLatin1)
  for (const length of [1, 300, 2, 3, 300, 400, 4]) {
    const value = 'v'.repeat(length)
    const input = bytes(`X: ${value}\r\nY: ${value} \r\n\r\n${'more'.repeat(100)}`)
    const { raw } = read(section, input, 0)
    assert.deepEqual(raw, ['X', value, 'Y', value])
    section.reset()
    const bad = bytes(`X: ${value}\x01${value}\r\n\r\n`)
    assert.deepEqual(read(section, bad, 0), { end: 3 + length, raw: 'ERR_HTTP_FIELD_VALUE_INVALID' })
    section.reset()
  }
})

test('the field after the last that is allowed is refused, in the fast path and behind it', () => {
  for (const line of ['X: 1\r\n', 'X:\r\n', `X: ${'v'.repeat(300)}\r\n`])
    for (const limit of [1, 15, 16, 17, 40]) {
      const input = bytes(line.repeat(limit + 1))
      const section = new FieldSection(limit, decodeLatin1)
      const expected = { end: line.length * limit, raw: 'ERR_HTTP_FIELDS_TOO_MANY' }
      assert.deepEqual(read(section, input, 0), expected, `${limit} × ${line.slice(0, 5)}`)
    }
})
