import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server, type ServerOptions } from '../src/index.ts'
import { join, serve, until } from './support/serving.ts'
import { closedPort, OPENINGS } from './support/targets.ts'

const request = OPENINGS.flashPolicy!
const rules = [{ domain: 'a.example' }, { domain: '*.b.example', ports: [8080, [9000, 9010]] as const }]

async function servePolicy(t: Parameters<typeof serve>[0], options: ServerOptions = {}) {
  const flashPolicyPort = await closedPort()
  const serving = await serve(t, { flashPolicy: rules, flashPolicyPort, ...options })
  return { ...serving, flashPolicyPort }
}

test('inline and on its own port the same policy, and then the end', async (t) => {
  const serving = await servePolicy(t)
  const answers: string[] = []
  for (const port of [serving.port, serving.flashPolicyPort]) {
    const peer = await join(t, port)
    peer.send(request)
    answers.push(await peer.finished())
  }
  assert.equal(answers[0], answers[1])
  assert.match(answers[0]!, new RegExp(`domain="a.example" to-ports="${serving.port}"`))
  assert.match(answers[0]!, /domain="\*\.b\.example" to-ports="8080,9000-9010"/)
  assert.ok(answers[0]!.endsWith('</cross-domain-policy>\n\0'))
  assert.deepEqual([serving.errors, serving.messages], [[], []])
  assert.deepEqual(serving.server.stats().verdicts, { flashPolicy: 1 })
})

test('inline it is a policy at every byte that comes', async (t) => {
  const serving = await servePolicy(t)
  const peer = await join(t, serving.port)
  for (const byte of request) {
    peer.send(byte)
    await sleep(1)
  }
  assert.match(await peer.finished(), /<cross-domain-policy>/)
})

test('without the option what begins with < is a line at once', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  await peer.send(request).send('\n').receives(`${request}\n`)
})

test('on its own port there is an answer whatever is asked, and a drip is cut at the sniff timeout', async (t) => {
  const serving = await servePolicy(t, { sniffTimeout: 80 })
  const peer = await join(t, serving.flashPolicyPort)
  await peer.receives('</cross-domain-policy>')
  const started = Date.now()
  while (!peer.closed && Date.now() - started < 2_000) {
    peer.send('x')
    await sleep(10)
  }
  assert.ok(Date.now() - started < 1_500)
})

test('it is closed with the server, and so are its connections', async (t) => {
  const serving = await servePolicy(t)
  const peer = await join(t, serving.flashPolicyPort)
  await peer.receives('</cross-domain-policy>')
  serving.server.close()
  await until(() => peer.closed || peer.ended)
  await assert.rejects(join(t, serving.flashPolicyPort), { code: 'ECONNREFUSED' })
})

test('only so many connections at once', async (t) => {
  const serving = await servePolicy(t, { maxSniffing: 2 })
  const peers = [await join(t, serving.flashPolicyPort), await join(t, serving.flashPolicyPort)]
  for (const peer of peers) await peer.receives('</cross-domain-policy>')
  const third = await join(t, serving.flashPolicyPort)
  assert.equal(await third.finished(), '')
})

test('a reset is contained', async (t) => {
  const serving = await servePolicy(t)
  const peer = await join(t, serving.flashPolicyPort)
  peer.socket.resetAndDestroy()
  const next = await join(t, serving.flashPolicyPort)
  await next.receives('</cross-domain-policy>')
})

test('a port that is taken is an error of the server', async (t) => {
  const taken = await serve(t)
  const server = new Server({ flashPolicy: true, flashPolicyPort: taken.port })
  t.after(() => server.close())
  const errors: Error[] = []
  server.on('error', (error: Error) => errors.push(error))
  server.listen(0, '127.0.0.1')
  await until(() => errors.length === 1)
  assert.equal((errors[0] as NodeJS.ErrnoException).code, 'EADDRINUSE')
})

test('it needs a policy, and a port', () => {
  for (const flashPolicyPort of [0, 65_536, 1.5, '843']) {
    assert.throws(() => new Server({ flashPolicy: true, flashPolicyPort } as ServerOptions), {
      code: 'ERR_OPTION',
    })
  }
  assert.throws(() => new Server({ flashPolicyPort: 843 }), { code: 'ERR_OPTION' })
  assert.throws(() => new Server({ flashPolicy: false, flashPolicyPort: 843 }), { code: 'ERR_OPTION' })
})
