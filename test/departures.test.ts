import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex, Transform } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { certificate, join, joinTls, type Peer, serve } from './support/serving.ts'
import { ask, OPENINGS, startTarget } from './support/targets.ts'

const { key, cert } = certificate

/** Ways to read a socket to its end. */
const READERS: Record<string, (socket: Socket) => Promise<string>> = {
  data: async (socket) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    await once(socket, 'end')
    return text
  },
  readable: async (socket) => {
    let text = ''
    socket.on('readable', () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) text += chunk.toString('latin1')
    })
    await once(socket, 'end')
    return text
  },
  'async iteration': async (socket) => {
    let text = ''
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) text += chunk.toString('latin1')
    return text
  },
  pipe: async (socket) => {
    let text = ''
    const through = new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) })
    through.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.pipe(through)
    await finished(through)
    return text
  },
  'setEncoding, later': async (socket) => {
    await sleep(5)
    socket.setEncoding('latin1')
    let text = ''
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) text += chunk
    return text
  },
}

for (const [how, read] of Object.entries(READERS)) {
  for (const encrypted of [false, true]) {
    test(`a function gets the socket untouched: ${how}${encrypted ? ', inside TLS' : ''}`, async (t) => {
      const serving = await serve(t, { key, cert })
      const untouched: unknown[] = []
      serving.server.route('ssh', async (socket) => {
        untouched.push(socket.readableFlowing, socket.listenerCount('data'), socket.listenerCount('end'))
        socket.end(`read ${await read(socket)}`)
      })
      const enter = () => (encrypted ? joinTls(t, serving.port) : join(t, serving.port))
      const opening = OPENINGS.ssh!
      const ways: Record<string, (peer: Peer) => Promise<void>> = {
        'in one piece, with its end': async (peer) => void peer.finish(`${opening}rest`),
        'byte by byte': async (peer) => {
          for (const byte of `${opening}rest`) {
            peer.send(byte)
            await sleep(1)
          }
          peer.finish()
        },
        'with its end later': async (peer) => {
          peer.send(opening.slice(0, 5))
          await sleep(5)
          peer.send(opening.slice(5))
          await sleep(5)
          peer.finish('rest')
        },
      }
      await Promise.all(
        Object.entries(ways).map(async ([way, send]) => {
          const peer = await enter()
          await send(peer)
          assert.equal(await peer.finished(), `read ${opening}rest`, way)
        }),
      )
      // Node's own listener for the end of a socket is there in any case.
      assert.deepEqual(new Set(untouched), new Set([null, 0, 1]))
      assert.deepEqual(serving.log, [])
    })

    test(`an end that came within the first bytes is there to be read: ${how}${encrypted ? ', inside TLS' : ''}`, async (t) => {
      const serving = await serve(t, { key, cert })
      const ended: boolean[] = []
      serving.server.route('raw', async (socket) => {
        ended.push(socket.readableEnded)
        socket.end(`read ${await read(socket)}`)
      })
      for (const text of ['S', 'GET', '\r\n', 'hello']) {
        const peer = encrypted ? await joinTls(t, serving.port) : await join(t, serving.port)
        peer.finish(text)
        assert.equal(await peer.finished(), `read ${text}`)
      }
      assert.deepEqual(new Set(ended), new Set([false]))
    })
  }
}

test('an echo by pipe, and by pipeline', async (t) => {
  const serving = await serve(t)
  serving.server.route('ssh', (socket) => void socket.pipe(socket))
  serving.server.route('redis', (socket) => void pipeline(socket, socket).catch(() => {}))
  for (const opening of [OPENINGS.ssh!, OPENINGS.redis!]) {
    const peer = await join(t, serving.port)
    await peer.send(opening).receives(opening)
    const large = 'x'.repeat(1_000_000)
    peer.finish(large)
    assert.equal(await peer.finished(), opening + large)
  }
})

test('it is half-open: an answer after the end of the client goes out', async (t) => {
  const serving = await serve(t)
  serving.server.route('ssh', async (socket) => {
    socket.resume()
    await once(socket, 'end')
    await sleep(20)
    socket.end('late')
  })
  assert.equal(await ask(t, serving.port, OPENINGS.ssh!), 'late')
})

test('a silent client goes to the route for what is nothing else, which may speak first', async (t) => {
  const serving = await serve(t, { sniffTimeout: 30 })
  serving.server.route('raw', (socket) => {
    socket.write('220 ready\r\n')
    socket.once('data', (chunk) => socket.end(`got ${chunk}`))
  })
  const peer = await join(t, serving.port)
  await peer.receives('220 ready\r\n')
  peer.send('EHLO\r\n')
  assert.match(await peer.finished(), /got EHLO/)
  assert.equal(serving.server.stats().timeouts, 1)
})

test('what a function throws ends up where Node puts it, and the connection is cut', async (t) => {
  const thrown: string[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error.message))
  t.after(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  })
  const serving = await serve(t)
  serving.server.route('ssh', () => {
    throw new Error('thrown')
  })
  const peer = await join(t, serving.port)
  peer.send(OPENINGS.ssh!)
  await serving.until(() => peer.closed || peer.ended)
  await serving.until(() => thrown.length === 1)
  assert.deepEqual(thrown, ['thrown'])
  const next = await join(t, serving.port)
  await next.send('alive\n').receives('alive\n')
})

test('a reset cannot end the process of a function that listens for no errors', async (t) => {
  const serving = await serve(t)
  const sockets: Socket[] = []
  serving.server.route('ssh', (socket) => void sockets.push(socket.resume()))
  const peer = await join(t, serving.port)
  peer.send(OPENINGS.ssh!)
  await serving.until(() => sockets.length === 1)
  peer.socket.resetAndDestroy()
  await serving.until(() => serving.errors.length === 1)
  assert.deepEqual(serving.errors, ['ECONNRESET'])
})

test('one that listens for errors is told them alone', async (t) => {
  const serving = await serve(t)
  const heard: string[] = []
  let taken: Socket | undefined
  serving.server.route('ssh', (socket) => {
    taken = socket.resume()
    socket.on('error', (error: NodeJS.ErrnoException) => heard.push(String(error.code)))
  })
  const peer = await join(t, serving.port)
  peer.send(OPENINGS.ssh!)
  await serving.until(() => taken !== undefined)
  peer.socket.resetAndDestroy()
  await serving.until(() => heard.length === 1)
  assert.deepEqual([heard, serving.errors], [['ECONNRESET'], []])
})

test('what a function writes at once, more than a client takes, is not held up', async (t) => {
  const serving = await serve(t)
  serving.server.route('ssh', (socket) => {
    socket.write('x'.repeat(4_000_000))
    socket.once('data', (first) => socket.once('data', (second) => socket.end(`${first}${second}`)))
  })
  const peer = await join(t, serving.port)
  peer.send(OPENINGS.ssh!)
  await serving.until(() => peer.length === 4_000_000)
  peer.finish('second')
  assert.ok((await peer.finished()).endsWith(`${OPENINGS.ssh}second`))
})

test('shutdown waits for what functions have, and cuts it in the end', async (t) => {
  const serving = await serve(t)
  const taken: Duplex[] = []
  serving.server.route('ssh', (socket) => void taken.push(socket.resume()))
  const [ends, stays] = [await join(t, serving.port), await join(t, serving.port)]
  for (const peer of [ends, stays]) peer.send(OPENINGS.ssh!)
  await serving.until(() => taken.length === 2)
  assert.equal(serving.server.stats().connections, 2)
  const closing = serving.server.shutdown({ timeout: 80 })
  taken[0]!.end('bye')
  ends.finish()
  assert.equal(await ends.finished(), 'bye')
  await serving.until(() => serving.server.stats().connections === 1)
  assert.equal(stays.closed, false)
  await closing
  assert.ok(taken[1]!.destroyed)
  await serving.until(() => stays.closed || stays.ended)
})

test('close leaves what is given away, and the server closes with the last of it', async (t) => {
  const serving = await serve(t)
  const target = await startTarget(t, (socket) => void socket.pipe(socket))
  serving.server.route('redis', { port: target.port })
  serving.server.route('ssh', (socket) => void socket.pipe(socket))
  const peers = [await join(t, serving.port), await join(t, serving.port)]
  await peers[0]!.send(OPENINGS.redis!).receives('PING\r\n')
  await peers[1]!.send(OPENINGS.ssh!).receives(OPENINGS.ssh!)
  const closed = once(serving.server, 'close')
  serving.server.close()
  await sleep(20)
  for (const peer of peers) await peer.send('still here').receives('still here')
  for (const peer of peers) peer.finish()
  await closed
})

test('a route for a protocol of ALPN gets what was decrypted', async (t) => {
  const serving = await serve(t, { key, cert })
  serving.server.route({ alpn: 'echo/1' }, (socket) => {
    assert.ok(socket instanceof Duplex)
    socket.write('first ')
    socket.pipe(socket)
  })
  const peer = await joinTls(t, serving.port, { ALPNProtocols: ['other', 'echo/1', 'http/1.1'] })
  assert.equal((peer.socket as Socket & { alpnProtocol: string }).alpnProtocol, 'echo/1')
  await peer.receives('first ')
  peer.finish('hello')
  assert.equal(await peer.finished(), 'first hello')
  assert.deepEqual(serving.server.stats().verdicts, { tls: 1 })
})
