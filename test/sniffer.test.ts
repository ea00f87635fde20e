import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { getHeapStatistics } from 'node:v8'
import { SniffError, Sniffer, Verdict } from '../src/sniff/index.ts'
import { bytes } from './support/splits.ts'

describe('push', () => {
  test('returns the position after the deciding byte, and reads nothing more', () => {
    const sniffer = new Sniffer()
    const line = bytes('xxGET / HTTP/1.1\r\nHost: a\r\n')
    assert.equal(sniffer.push(line, 2, line.length), 17)
    assert.equal(sniffer.verdict, Verdict.http1)
    assert.equal(sniffer.bytes, 15)
    assert.equal(sniffer.push(line, 17, line.length), 17)
    assert.equal(sniffer.bytes, 15)
  })

  test('an empty range is nothing', () => {
    const sniffer = new Sniffer()
    assert.equal(sniffer.push(bytes('{'), 0, 0), 0)
    assert.equal(sniffer.push(bytes('{'), 1, 1), 1)
    assert.deepEqual([sniffer.verdict, sniffer.bytes], [Verdict.undecided, 0])
  })

  test('stops at the limit within a chunk', () => {
    const sniffer = new Sniffer(undefined, 10)
    const path = bytes(`GET /${'a'.repeat(20)}`)
    assert.equal(sniffer.push(path, 0, 7), 7)
    assert.equal(sniffer.verdict, Verdict.undecided)
    assert.equal(sniffer.push(path, 7, path.length), 10)
    assert.deepEqual([sniffer.verdict, sniffer.bytes], [Verdict.http1, 10])
  })

  test('the limit is 8,192 bytes by default', () => {
    const sniffer = new Sniffer()
    const path = bytes(`GET /${'a'.repeat(9000)}`)
    assert.equal(sniffer.push(path, 0, 8191), 8191)
    assert.equal(sniffer.verdict, Verdict.undecided)
    assert.equal(sniffer.push(path, 8191, path.length), 8192)
    assert.equal(sniffer.verdict, Verdict.http1)
  })
})

describe('end, expire, reset', () => {
  test('silence is raw', () => {
    assert.equal(new Sniffer().end(), Verdict.raw)
    assert.equal(new Sniffer().expire(), Verdict.raw)
  })

  test('they decide for good', () => {
    const sniffer = new Sniffer()
    const input = bytes('GET / HTTP/1.1\r\n')
    sniffer.push(input, 0, 6)
    assert.equal(sniffer.expire(), Verdict.http1)
    assert.equal(sniffer.end(), Verdict.http1)
    assert.equal(sniffer.push(input, 6, input.length), 6)
    const ended = new Sniffer()
    ended.push(input, 0, 6)
    assert.equal(ended.end(), Verdict.raw)
    assert.equal(ended.expire(), Verdict.raw)
    assert.equal(ended.verdict, Verdict.raw)
  })

  test('they do not change a verdict', () => {
    const sniffer = new Sniffer()
    const hello = bytes('\x16\x03\x01\x00\x80\x01')
    sniffer.push(hello, 0, hello.length)
    assert.equal(sniffer.end(), Verdict.tls)
    assert.equal(sniffer.expire(), Verdict.tls)
  })

  test('reset makes it new, in the middle and after a verdict', () => {
    const sniffer = new Sniffer()
    for (const before of ['PRI * HTTP/2.0\r\n', 'GET / HTTP/1.1\r\n', '{']) {
      const input = bytes(before)
      sniffer.push(input, 0, input.length)
      sniffer.reset()
      assert.deepEqual(sniffer, new Sniffer())
    }
  })
})

test('a limit that is none is refused', () => {
  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => new Sniffer(undefined, limit),
      (error) => error instanceof SniffError && error.code === 'ERR_SNIFF_LIMIT_INVALID',
    )
  }
})

test('a verdict allocates nothing', () => {
  const sniffer = new Sniffer()
  const inputs = [
    'GET / HTTP/1.1\r\n',
    '\x16\x03\x01\x02\x00\x01',
    '{"a":1}\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ].map(bytes)
  const heap = (): number => getHeapStatistics().used_heap_size
  const rounds = 100_000
  const grown = Array.from({ length: 4 }, () => {
    const before = heap()
    for (let round = 0; round < rounds; round++) {
      const input = inputs[round & 3]!
      sniffer.reset()
      sniffer.push(input, 0, 5)
      sniffer.push(input, 5, input.length)
    }
    return heap() - before
  })
  // The smallest object is 16 bytes. A collection in between makes it less, so that some round has to be clean.
  const least = Math.min(...grown.slice(1).map(Math.abs))
  assert.ok(least < rounds * 4, `${least} bytes for ${rounds} verdicts`)
})
