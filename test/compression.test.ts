import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { deflateRawSync, inflateRawSync, constants as zlib } from 'node:zlib'
import {
  type DeflateParameters,
  deflateOnce,
  type InflateError,
  MessageDeflater,
  MessageInflater,
  type Role,
} from '../src/node/websocket/compression.ts'
import { ZlibPool } from '../src/node/websocket/zlib-pool.ts'
import {
  type DeflateAgreement,
  negotiateDeflate,
  withoutDeflateTail,
} from '../src/ws-codec/handshake/permessage-deflate.ts'
import { bytes } from './support/splits.ts'

const TUNING = { level: 3, memoryLevel: 8 }
const MIB = 1024 * 1024

function agreement(takeover: boolean, bits: number = 15): DeflateAgreement {
  const offer = `permessage-deflate; server_max_window_bits=${bits}; client_max_window_bits=${bits}`
  return negotiateDeflate(offer, { serverTakeover: takeover, clientTakeover: takeover })!
}

const ALONE = agreement(false)
const TAKEOVER = agreement(true)

function inflater(agreed: DeflateAgreement = ALONE, messageLimit: number = 16 * MIB, pool = new ZlibPool(4)) {
  return new MessageInflater(agreed, 'server', { messageLimit }, pool)
}

function deflater(agreed: DeflateAgreement = ALONE, pool = new ZlibPool(4)) {
  return new MessageDeflater(agreed, 'client', TUNING, pool)
}

interface Result {
  error: InflateError | undefined
  message: Buffer
}

function inflate(target: MessageInflater, payload: Uint8Array): Promise<Result> {
  // At an offset, and overwritten after: what it needs later it has to copy.
  const chunk = new Uint8Array(payload.length + 8).fill(0xee)
  chunk.set(payload, 3)
  return new Promise((resolve) => {
    target.inflate(chunk, 3, 3 + payload.length, (error, message) => resolve({ error, message }))
    chunk.fill(0xdd)
  })
}

function deflate(target: MessageDeflater, message: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    target.deflate(message, (compressed) => (compressed ? resolve(compressed) : reject(new Error('failed'))))
  })
}

async function inflated(target: MessageInflater, payload: Uint8Array): Promise<Buffer> {
  const { error, message } = await inflate(target, payload)
  assert.equal(error, undefined)
  return message
}

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

const later = (milliseconds: number = 0) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Text of which each message shares much with the one before. */
function prose(length: number, from: number = 0): Buffer {
  let text = ''
  for (let index = from; text.length < length; index++)
    text += `${index * 7919} bottles of beer on the ${index % 9}th wall, `
  return Buffer.from(text.slice(0, length))
}

const SIZES = [0, 1, 2, 100, 1024, 4096, 4097, 8192, 20_000, 70_000, 300_000]

describe('RFC 7692 §7.2.3, byte for byte', () => {
  const examples: [section: string, payload: string][] = [
    ['§7.2.3.1, one block', 'f2 48 cd c9 c9 07 00'],
    ['§7.2.3.3, no compression', '00 05 00 fa ff 48 65 6c 6c 6f 00'],
    ['§7.2.3.4, BFINAL', 'f3 48 cd c9 c9 07 00 00'],
    ['§7.2.3.5, two blocks', 'f2 48 05 00 00 00 ff ff ca c9 c9 07 00'],
  ]
  for (const [section, payload] of examples) {
    for (const agreed of [ALONE, TAKEOVER]) {
      const takeover = agreed === TAKEOVER ? 'with' : 'without'
      test(`${section}, ${takeover} takeover`, async () => {
        const target = inflater(agreed)
        for (let time = 0; time < 2; time++) {
          assert.equal((await inflated(target, hex(payload))).toString(), 'Hello')
        }
      })
    }
  }

  test('§7.2.3.2: the second Hello refers to the first', async () => {
    const target = inflater(TAKEOVER)
    assert.equal((await inflated(target, hex('f2 48 cd c9 c9 07 00'))).toString(), 'Hello')
    assert.equal((await inflated(target, hex('f2 00 11 00 00'))).toString(), 'Hello')
    const alone = inflater(ALONE)
    await inflated(alone, hex('f2 48 cd c9 c9 07 00'))
    assert.equal((await inflate(alone, hex('f2 00 11 00 00'))).error, 'corrupt')
  })

  test('§7.2.3.1, §7.2.3.2: so does what we deflate', async () => {
    const own = deflater(TAKEOVER)
    assert.deepEqual(Buffer.from(await deflate(own, bytes('Hello'))), hex('f2 48 cd c9 c9 07 00'))
    assert.deepEqual(Buffer.from(await deflate(own, bytes('Hello'))), hex('f2 00 11 00 00'))
    const alone = deflater(ALONE)
    for (let time = 0; time < 2; time++) {
      assert.deepEqual(Buffer.from(await deflate(alone, bytes('Hello'))), hex('f2 48 cd c9 c9 07 00'))
    }
    own.close()
  })

  test('§7.2.3.6: the empty message is one byte, and leaves the window as it is', async () => {
    for (const agreed of [ALONE, TAKEOVER]) {
      const own = deflater(agreed)
      const target = inflater(agreed)
      for (const message of ['', 'Hello', '', '', 'Hello']) {
        const payload = await deflate(own, bytes(message))
        if (message === '') assert.deepEqual(Buffer.from(payload), hex('00'))
        assert.equal((await inflated(target, payload)).toString(), message)
      }
      own.close()
    }
  })

  test('a payload of no bytes is taken for the empty message', async () => {
    assert.equal((await inflated(inflater(), new Uint8Array(0))).length, 0)
  })
})

describe('there and back', () => {
  for (const takeover of [false, true]) {
    for (let bits = 8; bits <= 15; bits++) {
      test(`a window of ${bits} bits, ${takeover ? 'with' : 'without'} takeover, both directions`, async () => {
        const agreed = agreement(takeover, bits)
        const pool = new ZlibPool(2)
        for (const [from, to] of [
          ['client', 'server'],
          ['server', 'client'],
        ] as [Role, Role][]) {
          const own = new MessageDeflater(agreed, from, TUNING, pool)
          const peer = new MessageInflater(agreed, to, { messageLimit: MIB }, pool)
          assert.equal(own.takeover, takeover)
          for (const [index, size] of [...SIZES, ...SIZES].entries()) {
            const message = index % 5 === 4 ? randomBytes(size) : prose(size, index)
            const payload = await deflate(own, message)
            assert.ok((await inflated(peer, payload)).equals(message), `${from}, message ${index}`)
          }
          own.close()
        }
        pool.clear()
      })
    }
  }

  /** zlib's inflater holds to its window where the output buffer does not help out: that of 64 bytes. */
  function inflateWithin(windowBits: number, payload: Uint8Array): Buffer {
    return inflateRawSync(payload, { windowBits, chunkSize: 64, finishFlush: zlib.Z_SYNC_FLUSH })
  }

  test('no deflated message reaches further back than its window', async () => {
    const repeating = Buffer.concat(
      Array.from({ length: 40 }, (_, index) => prose(2 ** (5 + (index % 10)), index)),
    )
    for (let bits = 8; bits <= 15; bits++) {
      for (const message of [repeating, repeating.subarray(0, 3000)]) {
        const payload = await deflate(deflater(agreement(false, bits)), message)
        assert.ok(inflateWithin(bits, payload).equals(message), `${bits} bits`)
        assert.ok(payload.length < message.length * 0.75, `${bits} bits: ${payload.length}`)
      }
    }
    // The check can tell.
    const payload = await deflate(deflater(agreement(false, 10)), repeating)
    assert.throws(() => inflateWithin(8, payload), /too far back/)
  })

  test('in a window of 8 bits only runs are referred to, whatever zlib takes 9 bits for', async () => {
    const unit = randomBytes(20)
    for (const count of [50, 500]) {
      const units = Buffer.concat(Array.from({ length: count }, () => unit))
      const payload = await deflate(deflater(agreement(false, 8)), units)
      assert.ok(payload.length > units.length / 2, `${payload.length} of ${units.length} bytes`)
    }
    assert.ok((await deflate(deflater(agreement(false, 8)), Buffer.alloc(1000, 'x'))).length < 50)
  })

  test('takeover pays: what was said before costs next to nothing', async () => {
    const own = deflater(TAKEOVER)
    const message = randomBytes(2000)
    assert.ok((await deflate(own, message)).length >= 2000)
    assert.ok((await deflate(own, message)).length < 50)
    own.close()
  })

  test('references into several messages before, over more than the window', async () => {
    const target = inflater(agreement(true, 10))
    const own = deflater(agreement(true, 10))
    for (let index = 0; index < 200; index++) {
      const message = prose(1 + ((index * 37) % 400), index % 7)
      assert.ok((await inflated(target, await deflate(own, message))).equals(message), `message ${index}`)
    }
    own.close()
  })
})

describe('BFINAL inside a message (§7.2.3.4)', () => {
  const part = (data: Uint8Array, dictionary?: Buffer) =>
    deflateRawSync(data, dictionary ? { dictionary } : {})
  const empty = hex('00')

  test('what follows it is inflated too, small and large', async () => {
    for (const size of [10, 50_000]) {
      for (const agreed of [ALONE, TAKEOVER]) {
        const message = [prose(size), randomBytes(size), prose(size)]
        const payload = Buffer.concat([...message.map((each) => part(each)), empty])
        const target = inflater(agreed)
        for (let time = 0; time < 2; time++) {
          assert.ok((await inflated(target, payload)).equals(Buffer.concat(message)))
        }
      }
    }
  })

  test('references across it reach what came before, of this message and of earlier ones', async () => {
    const first = randomBytes(3000)
    const target = inflater(TAKEOVER)
    const own = deflater(TAKEOVER)
    await inflated(target, await deflate(own, first))
    const second = part(first.subarray(0, 1000), first)
    const third = part(first.subarray(1500, 1900), Buffer.concat([first, first.subarray(0, 1000)]))
    assert.ok(second.length + third.length < 200)
    const message = await inflated(target, Buffer.concat([second, third, empty]))
    assert.ok(message.equals(Buffer.concat([first.subarray(0, 1000), first.subarray(1500, 1900)])))
    own.close()
  })

  test('a message that ends with it, without the 00 that should follow, is taken', async () => {
    for (const size of [10, 50_000]) {
      const message = randomBytes(size)
      assert.ok((await inflated(inflater(), part(message))).equals(message))
    }
  })

  test('the number of them is bounded', async () => {
    const flood = Buffer.concat(Array.from({ length: 4000 }, () => hex('03 00')))
    assert.equal((await inflate(inflater(), flood)).error, 'corrupt')
  })
})

describe('W12: over the limit once inflated, 1009', () => {
  test('the limit itself is allowed, one byte more is not', async () => {
    for (const limit of [1, 100, 65_535, 65_536, 65_537, 200_000]) {
      for (const fill of [Buffer.alloc(limit + 1), randomBytes(limit + 1)]) {
        for (const agreed of [ALONE, TAKEOVER]) {
          const payloads = [limit, limit + 1].map((size) =>
            withoutDeflateTail(deflateRawSync(fill.subarray(0, size), { finishFlush: zlib.Z_SYNC_FLUSH })),
          )
          const target = inflater(agreed, limit)
          assert.equal((await inflated(target, payloads[0]!)).length, limit)
          const { error, message } = await inflate(target, payloads[1]!)
          assert.deepEqual([error, message.length], ['tooLarge', 0], `limit ${limit}`)
        }
      }
    }
  })

  test('no limit is no limit', async () => {
    const payload = deflateRawSync(Buffer.alloc(20 * MIB))
    assert.equal((await inflated(inflater(ALONE, Number.POSITIVE_INFINITY), payload)).length, 20 * MIB)
  })

  test('inflate bomb: inflating stops mid-stream, within the limit and a chunk', async () => {
    // 16 MiB of zeros, deflated to 16 KiB; forty of them behind each other are 640 MiB.
    const flushed = deflateRawSync(Buffer.alloc(16 * MIB), { finishFlush: zlib.Z_SYNC_FLUSH })
    const bomb = Buffer.concat(Array.from({ length: 40 }, () => flushed))
    const limit = 4 * MIB
    const target = inflater(ALONE, limit)
    const before = process.memoryUsage()
    let peak = 0
    const watch = setInterval(() => {
      const { arrayBuffers, external } = process.memoryUsage()
      peak = Math.max(peak, arrayBuffers - before.arrayBuffers, external - before.external)
    }, 1)
    const { error, message } = await inflate(target, bomb)
    clearInterval(watch)
    assert.equal(error, 'tooLarge')
    assert.equal(message.length, 0)
    assert.ok(peak < limit + bomb.length + 4 * MIB, `${peak} bytes`)
  })

  test('a thousand small bombs at once: no more are inflated at once than there are places', async () => {
    const bomb = deflateRawSync(Buffer.alloc(2 * MIB))
    assert.ok(bomb.length < 8192)
    const pool = new ZlibPool(3)
    let most = 0
    const results = await Promise.all(
      Array.from({ length: 1000 }, () => {
        const result = inflate(inflater(ALONE, 128 * 1024, pool), bomb)
        most = Math.max(most, pool.contexts)
        return result
      }),
    )
    assert.ok(results.every(({ error }) => error === 'tooLarge'))
    assert.ok(most <= 3, `${most} contexts`)
    assert.deepEqual([pool.working, pool.waiting, pool.contexts], [0, 0, 0])
  })
})

describe('W13: no DEFLATE data, 1007', () => {
  const good = withoutDeflateTail(deflateRawSync(prose(1000), { finishFlush: zlib.Z_SYNC_FLUSH }))
  const large = withoutDeflateTail(deflateRawSync(randomBytes(50_000), { finishFlush: zlib.Z_SYNC_FLUSH }))
  const cases: [name: string, payload: Uint8Array][] = [
    ['the reserved block type', hex('ff ff ff')],
    ['stored lengths that differ', hex('00 05 00 00 00 48 65 6c 6c 6f 00')],
    ['a reference to before the beginning', hex('f2 00 11 00 00')],
    ['text that is not compressed', bytes('Hello')],
    ['a stored block that is cut', hex('00 64 00 9b ff 48 65 6c 6c 6f')],
    ['a block that is cut', good.subarray(0, good.length - 30)],
    ['a large block that is cut', large.subarray(0, large.length - 30)],
    ['rubbish behind a block', Buffer.concat([good, hex('ff ff')])],
    ['rubbish behind a large block', Buffer.concat([large, hex('ff ff')])],
    ['rubbish behind BFINAL', hex('f3 48 cd c9 c9 07 00 ff ff ff ff')],
    ['the tail, sent', Buffer.concat([hex('f2 48 cd c9 c9 07 00 00 00 ff')])],
  ]
  for (const [name, payload] of cases) {
    for (const agreed of [ALONE, TAKEOVER]) {
      test(`${name}, ${agreed === TAKEOVER ? 'with' : 'without'} takeover`, async () => {
        const pool = new ZlibPool(1)
        const target = inflater(agreed, MIB, pool)
        assert.deepEqual(await inflate(target, payload), { error: 'corrupt', message: Buffer.alloc(0) })
        assert.deepEqual([pool.working, pool.waiting, pool.contexts], [0, 0, 0])
      })
    }
  }

  test('a message cut anywhere is never taken for a whole one', async () => {
    for (const payload of [good, hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00')]) {
      for (let length = 1; length < payload.length; length++) {
        const { error, message } = await inflate(inflater(), payload.subarray(0, length))
        // A cut between two blocks cannot be told: that is a whole message.
        if (error === undefined) assert.equal(message.toString(), 'He')
      }
    }
  })

  test('after an error nothing more is told', async () => {
    for (const bad of [hex('ff ff'), Buffer.concat([hex('ff ff'), randomBytes(20_000)])]) {
      const told: (InflateError | undefined)[] = []
      const target = inflater()
      for (const payload of [good, bad, good, large]) {
        target.inflate(payload, 0, payload.length, (error) => told.push(error))
      }
      await later(30)
      target.inflate(good, 0, good.length, (error) => told.push(error))
      assert.deepEqual(told, [undefined, 'corrupt'])
      assert.deepEqual([target.pending, target.held], [0, 0])
    }
  })
})

describe('order', () => {
  for (const agreed of [ALONE, TAKEOVER]) {
    test(`small and large messages, ${agreed === TAKEOVER ? 'with' : 'without'} takeover`, async () => {
      const pool = new ZlibPool(2)
      const own = deflater(agreed, pool)
      const target = inflater(agreed, MIB, pool)
      const messages = Array.from({ length: 60 }, (_, index) =>
        index % 3 === 1 ? randomBytes(9000 + index * 100) : prose(1 + index * 11, index),
      )
      const out: Buffer[] = []
      const order: number[] = []
      for (const [index, message] of messages.entries()) {
        own.deflate(message, (compressed) => {
          order.push(index)
          target.inflate(compressed!, 0, compressed!.length, (_, inflatedMessage) =>
            out.push(inflatedMessage),
          )
        })
      }
      assert.ok(own.pending > 0 && own.held > 0)
      while (out.length < messages.length) await later(1)
      assert.deepEqual(order, [...messages.keys()])
      for (const [index, message] of messages.entries()) assert.ok(out[index]!.equals(message), `${index}`)
      assert.deepEqual([own.pending, own.held, target.pending, target.held], [0, 0, 0, 0])
      own.close()
    })
  }

  test('messages that are given while one is answered come after those that wait', async () => {
    const target = inflater()
    const small = withoutDeflateTail(deflateRawSync(bytes('small'), { finishFlush: zlib.Z_SYNC_FLUSH }))
    const large = deflateRawSync(randomBytes(20_000))
    const order: string[] = []
    target.inflate(large, 0, large.length, () => {
      order.push('first')
      target.inflate(small, 0, small.length, () => order.push('last'))
    })
    target.inflate(small, 0, small.length, () => order.push('second'))
    target.inflate(large, 0, large.length, () => order.push('third'))
    while (order.length < 4) await later(1)
    assert.deepEqual(order, ['first', 'second', 'third', 'last'])
  })

  test('what is small is answered at once', () => {
    let told = 0
    const own = deflater()
    const target = inflater()
    own.deflate(prose(2000), (compressed) => {
      target.inflate(compressed!, 0, compressed!.length, () => told++)
    })
    assert.equal(told, 1)
  })

  test('an answer that throws leaves the next messages to be answered', async () => {
    const target = inflater()
    const payload = hex('f2 48 cd c9 c9 07 00')
    const thrower = () => {
      throw new Error('the application’s')
    }
    assert.throws(() => target.inflate(payload, 0, payload.length, thrower), /the application’s/)
    assert.equal((await inflated(target, payload)).toString(), 'Hello')
  })
})

describe('what is held', () => {
  test('1,000 idle agreements hold no context; without takeover they never do', async () => {
    const pool = new ZlibPool(4)
    const payload = withoutDeflateTail(deflateRawSync(prose(30_000), { finishFlush: zlib.Z_SYNC_FLUSH }))
    const pairs = Array.from(
      { length: 1000 },
      () => [inflater(ALONE, MIB, pool), deflater(ALONE, pool)] as const,
    )
    assert.equal(pool.contexts, 0)
    let most = 0
    await Promise.all(
      pairs.slice(0, 100).map(async ([target, own]) => {
        await deflate(own, prose(30_000))
        await inflated(target, payload)
        most = Math.max(most, pool.contexts)
      }),
    )
    assert.ok(most > 0 && most <= 4, `${most} contexts`)
    assert.deepEqual([pool.working, pool.waiting], [0, 0])
    assert.ok(pool.contexts <= 4)
    pool.clear()
    assert.equal(pool.contexts, 0)
  })

  test('close at work, and while waiting, tells nothing and gives the place back', async () => {
    for (const agreed of [ALONE, TAKEOVER]) {
      const pool = new ZlibPool(1)
      let told = 0
      const payload = deflateRawSync(randomBytes(300_000))
      const closed = [
        ...Array.from({ length: 3 }, () => {
          const target = inflater(agreed, MIB, pool)
          for (let time = 0; time < 3; time++) target.inflate(payload, 0, payload.length, () => told++)
          return target
        }),
        ...Array.from({ length: 3 }, () => {
          const own = deflater(agreed, pool)
          for (let time = 0; time < 3; time++) own.deflate(prose(300_000), () => told++)
          return own
        }),
      ]
      assert.deepEqual([pool.working, pool.waiting], [1, 5])
      for (const each of closed.reverse()) each.close()
      for (const each of closed) each.close()
      assert.deepEqual([pool.working, pool.waiting, pool.contexts], [0, 0, 0])
      await later(50)
      assert.equal(told, 0)
      // The pool works on.
      assert.equal((await inflated(inflater(agreed, MIB, pool), payload)).length, 300_000)
      pool.clear()
    }
  })

  test('close in an answer', async () => {
    const small = hex('f2 48 cd c9 c9 07 00')
    const large = deflateRawSync(randomBytes(20_000))
    for (const first of [small, large]) {
      const pool = new ZlibPool(1)
      const target = inflater(ALONE, MIB, pool)
      let told = 0
      for (const payload of [first, large, small]) {
        target.inflate(payload, 0, payload.length, () => {
          told++
          target.close()
        })
      }
      await later(30)
      assert.equal(told, 1)
      assert.deepEqual([pool.working, pool.waiting], [0, 0])
      pool.clear()
    }
  })

  test('W30: a small message keeps no large chunk alive', async () => {
    const target = inflater()
    const large = deflateRawSync(randomBytes(20_000))
    const payload = hex('f2 48 cd c9 c9 07 00')
    target.inflate(large, 0, large.length, () => {})
    const random = deflateRawSync(randomBytes(9000))
    for (const each of [payload, deflateRawSync(Buffer.alloc(10_000)), random]) {
      const message = await inflated(target, each)
      // Or the pool that Node cuts small buffers from, with what it aligns them by.
      const most = Math.max(20_000, Buffer.poolSize + 64)
      assert.ok(message.buffer.byteLength <= most, `${message.buffer.byteLength} for ${message.length}`)
    }
  })
})

describe('deflateOnce', () => {
  const parameters: DeflateParameters = { ...TUNING, windowBits: 12 }

  test('its payload is good for every connection without takeover and with that window or a larger', async () => {
    const pool = new ZlibPool(2)
    for (const size of SIZES) {
      const message = prose(size)
      const payload = await new Promise<Uint8Array>((resolve) => {
        deflateOnce(message, parameters, (compressed) => resolve(compressed!), pool)
      })
      for (const bits of [12, 15]) {
        assert.ok((await inflated(inflater(agreement(false, bits)), payload)).equals(message))
      }
    }
    pool.clear()
  })

  test('it can be stopped', async () => {
    const pool = new ZlibPool(1)
    let told = 0
    const stop = deflateOnce(prose(300_000), parameters, () => told++, pool)
    stop()
    await later(30)
    assert.deepEqual([told, pool.working, pool.contexts], [0, 0, 0])
  })
})
