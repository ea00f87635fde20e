import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AnnotatedText,
  checkAnnotations,
  readAnnotated,
  writeAnnotated,
} from '../src/sessions/coding/annotations.ts'
import { Random } from './support/random.ts'

function read(data: string, limit = 16): AnnotatedText {
  const result = readAnnotated(data, limit)
  assert.notEqual(typeof result, 'string', `${JSON.stringify(data)}: ${String(result)}`)
  return result as AnnotatedText
}

test('what is written is the form of the code, and is read again', () => {
  const annotations = new Map([
    ['r', 'chat'],
    ['flag', null],
    ['empty', ''],
  ])
  const data = writeAnnotated('a:b\n:c', true, annotations)
  assert.equal(data, 'r:chat\nflag\nempty:\nj\n:a:b\n:c')
  assert.deepEqual(read(data), { text: 'a:b\n:c', json: true, annotations })
})

test('the order of annotations is kept', () => {
  const { annotations } = read('b:1\na:2\nc\n:x')
  assert.deepEqual(
    [...annotations],
    [
      ['b', '1'],
      ['a', '2'],
      ['c', null],
    ],
  )
})

test('a value may be anything but a colon and a line end', () => {
  for (const value of ['', ' ', '/chat/1', '~m~', 'é😀', '\r', 'j', '0']) {
    const annotations = new Map([['r', value]])
    checkAnnotations(annotations)
    assert.deepEqual(read(writeAnnotated('t', false, annotations)), { text: 't', json: false, annotations })
  }
})

test('annotations that would be read as others are not sent', () => {
  for (const [key, value] of [
    ['', 'x'],
    ['j', null],
    ['j', 'x'],
    ['a:b', null],
    ['a\nb', null],
    ['a', 'b:c'],
    ['a', 'b\n:c'],
  ] as const) {
    assert.throws(() => checkAnnotations(new Map([[key, value]])), {
      name: 'SessionError',
      code: 'ERR_SESSION_ANNOTATION_INVALID',
      message: /^Cannot send the annotation ".*": it would be read as another$/,
    })
  }
})

test("the README's form is read where it says which is meant, and no further", () => {
  assert.deepEqual(read('r:chat:').text, '')
  assert.deepEqual(read('r:chat:a:b').text, 'a:b')
  assert.deepEqual(read('r:chat:a\nb').text, 'a\nb')
  assert.deepEqual(read('j:"a\\nb"').text, '"a\\nb"')
  assert.deepEqual(
    read('flag\nr:chat:x').annotations,
    new Map([
      ['flag', null],
      ['r', 'chat'],
    ]),
  )
  for (const data of ['r:chat:a\n:b', 'j:[1,\n:2]', 'x:y:z', 'rr:y:z'])
    assert.equal(readAnnotated(data, 16), 'ERR_SESSION_ANNOTATION_AMBIGUOUS', data)
})

test('the limit counts every annotation, JSON among them', () => {
  assert.equal(readAnnotated('a\nb\nc\n:', 2), 'ERR_SESSION_TOO_MANY_ANNOTATIONS')
  assert.equal(readAnnotated('a\nj:x', 1), 'ERR_SESSION_TOO_MANY_ANNOTATIONS')
  assert.equal(read('a\nj:x', 2).json, true)
})

test('many annotations cost no more than their bytes', () => {
  const data = 'k\n'.repeat(200_000)
  const started = process.hrtime.bigint()
  assert.equal(readAnnotated(data, 16), 'ERR_SESSION_ANNOTATION_INVALID')
  assert.equal(
    readAnnotated(`${'a\n'.repeat(1)}${'x'.repeat(1_000_000)}`, 16),
    'ERR_SESSION_ANNOTATION_INVALID',
  )
  assert.ok(process.hrtime.bigint() - started < 1_000_000_000n)
})

test('random annotations and texts come back as they were', () => {
  const random = new Random(20_260_606)
  const alphabet = ['r', 'j', 'a', ':', '\n', ',', '~', '1', 'é', '😀', '\ud800']
  const word = (most: number, forbidden: string) =>
    Array.from({ length: random.below(most) }, () => random.pick(alphabet))
      .filter((character) => !forbidden.includes(character))
      .join('')
  for (let round = 0; round < 3_000; round++) {
    const annotations = new Map<string, string | null>()
    for (let key = random.below(4); key > 0; key--) {
      const name = word(4, ':\n')
      if (name !== '' && name !== 'j') annotations.set(name, random.next() < 0.3 ? null : word(5, ':\n'))
    }
    const expected = { text: word(12, ''), json: random.next() < 0.5, annotations }
    const data = writeAnnotated(expected.text, expected.json, annotations)
    assert.deepEqual(read(data), expected, JSON.stringify(data))
  }
})
