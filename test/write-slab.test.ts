import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  flushSlab,
  room,
  SLAB_COPY_UP_TO,
  type SlabOwner,
  slab,
  slabWaiting,
} from '../src/node/write-slab.ts'

/** Keeps views of what it was given, as a socket that has not sent it yet. */
class Owner implements SlabOwner {
  readonly taken: Buffer[] = []

  takeSlab(bytes: Buffer): void {
    this.taken.push(bytes)
  }

  put(text: string): void {
    const at = room(this, text.length)
    slab.write(text, at, 'latin1')
  }

  get text(): string[] {
    return this.taken.map((bytes) => bytes.toString('latin1'))
  }
}

test('what one owner puts in leaves as one piece', () => {
  const owner = new Owner()
  for (const text of ['a', 'bc', 'def']) owner.put(text)
  assert.equal(slabWaiting(owner), 6)
  assert.deepEqual(owner.text, [])
  flushSlab()
  assert.deepEqual([owner.text, slabWaiting(owner)], [['abcdef'], 0])
  flushSlab()
  assert.deepEqual(owner.text, ['abcdef'], 'nothing is given twice')
})

test('another owner makes the one before get his', () => {
  const [one, other] = [new Owner(), new Owner()]
  one.put('one')
  other.put('other')
  assert.deepEqual([one.text, slabWaiting(one), slabWaiting(other)], [['one'], 0, 5])
  flushSlab()
  assert.deepEqual(other.text, ['other'])
})

test('what was given away is never written to again, over many slabs', () => {
  const owners = [new Owner(), new Owner(), new Owner()]
  const expected: string[][] = [[], [], []]
  for (let round = 0; round < 600; round++) {
    const index = round % 3
    const text = String.fromCharCode(97 + (round % 26)).repeat(1 + ((round * 37) % SLAB_COPY_UP_TO))
    owners[index]!.put(text)
    expected[index]!.push(text)
  }
  flushSlab()
  for (const [index, owner] of owners.entries()) assert.equal(owner.text.join(''), expected[index]!.join(''))
})
