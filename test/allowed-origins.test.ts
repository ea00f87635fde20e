import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileOrigins, type ServerOptions } from '../src/index.ts'
import { AllowedOrigins } from '../src/node/limits/allowed-origins.ts'
import { join, serve } from './support/serving.ts'

/** As the server asks its application: what is thrown is no answer. */
function ask(question: () => boolean): unknown {
  try {
    return question()
  } catch {
    return { status: 500 }
  }
}

function allows(
  allowOrigin: ServerOptions['allowOrigin'],
  origin: string | undefined,
  { missing = true, host = 'own.example' }: { missing?: boolean; host?: string } = {},
): boolean {
  return new AllowedOrigins({ allowOrigin, allowUndefinedOrigin: missing }, ask).allow(origin, host, false)
}

test('without the option only the own origin comes in', () => {
  assert.equal(allows(undefined, 'http://own.example'), true)
  assert.equal(allows(undefined, 'https://own.example'), false)
  assert.equal(allows(undefined, 'http://a.example'), false)
})

test('patterns come in besides the own origin', () => {
  assert.equal(allows(['*.a.example'], 'http://www.a.example'), true)
  assert.equal(allows(['*.a.example'], 'http://evila.example'), false)
  assert.equal(allows(['*.a.example'], 'http://own.example'), true)
})

test('who sends none is a matter of allowUndefinedOrigin', () => {
  assert.equal(allows('*', undefined), true)
  assert.equal(allows('*', undefined, { missing: false }), false)
})

test('a function decides alone, about the own origin and a missing one, too', () => {
  const asked: (string | undefined)[] = []
  const decide = (origin: string | undefined): boolean => {
    asked.push(origin)
    return origin === undefined || origin === 'http://a.example'
  }
  assert.equal(allows(decide, 'http://a.example'), true)
  assert.equal(allows(decide, 'http://own.example'), false)
  assert.equal(allows(decide, undefined, { missing: false }), true)
  assert.deepEqual(asked, ['http://a.example', 'http://own.example', undefined])
  assert.equal(allows(decide, undefined), true)
  assert.equal(asked.length, 3, 'where a missing one is allowed it is not asked about')
})

test('a function that throws, or gives what is not true, refuses', () => {
  const broken = () => {
    throw new Error('broken')
  }
  for (const decide of [broken, () => 1, () => 'yes', async () => true]) {
    assert.equal(allows(decide as never, 'http://own.example'), false)
  }
})

const post = (origin: string): string =>
  `POST / HTTP/1.1\r\nHost: own.example\r\n${origin}Content-Length: 1\r\n\r\nx`

test('a server asks it of messages, and what it says may change', async (t) => {
  let allowed = compileOrigins('a.example')
  const serving = await serve(t, {
    allowOrigin: (origin) => origin !== undefined && allowed(origin),
    allowUndefinedOrigin: false,
  })
  const answers: [origin: string, status: string][] = [
    ['Origin: http://a.example\r\n', '200'],
    ['Origin: http://own.example\r\n', '403'],
    ['', '403'],
  ]
  for (const [origin, status] of answers) {
    const peer = await join(t, serving.port)
    assert.match(
      await peer.send(post(origin)).receives('\r\n\r\n'),
      new RegExp(`^HTTP/1.1 ${status} `),
      origin,
    )
  }
  allowed = compileOrigins('own.example')
  const peer = await join(t, serving.port)
  assert.match(await peer.send(post('Origin: http://own.example\r\n')).receives('x'), /^HTTP\/1.1 200 /)
})
