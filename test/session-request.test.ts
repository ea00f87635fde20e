import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isSessionId,
  readSessionRequest,
  refusedBy,
  SessionError,
  sessionIdOf,
  transportOf,
} from '../src/sessions/index.ts'
import { Random } from './support/random.ts'

test('a request names the transport itself', () => {
  const request = readSessionRequest('GET', '/socket.io/jsonp-polling/Zm9v/1/7')
  assert.deepEqual(request, {
    accepted: true,
    kind: 'poll',
    transport: transportOf('jsonp-polling'),
    sessionId: 'Zm9v',
    jsonpIndex: 7,
  })
})

test('a refusal is an answer', () => {
  assert.deepEqual(readSessionRequest('PUT', '/socket.io/websocket'), {
    accepted: false,
    status: 405,
    code: 'ERR_SESSION_METHOD',
    message: 'Cannot serve the request: its method is none of GET',
    fields: [['Allow', 'GET']],
  })
  const error = new SessionError('ERR_SESSION_UNKNOWN', 'Cannot find the session: it has ended, or never was')
  assert.deepEqual(refusedBy(error), {
    accepted: false,
    status: 404,
    code: 'ERR_SESSION_UNKNOWN',
    message: 'Cannot find the session: it has ended, or never was',
    fields: [],
  })
})

test('ids: 1 to 64 characters of base64url', () => {
  for (const id of ['a', 'Z-_9', '__proto__', 'x'.repeat(64)]) assert.ok(isSessionId(id), id)
  for (const id of ['', 'x'.repeat(65), 'a b', 'a/b', 'a\n', 'é', 'a=', '\0']) assert.ok(!isSessionId(id), id)
})

test('an id of random bytes is their base64url', () => {
  const random = new Random(3)
  for (let length = 16; length <= 48; length++) {
    const bytes = random.bytes(length)
    const id = sessionIdOf(bytes)
    assert.equal(id, Buffer.from(bytes).toString('base64url'))
    assert.ok(isSessionId(id))
  }
  assert.equal(sessionIdOf(new Uint8Array(16).fill(0xff)), '_____________________w')
})

test('an id of too few bytes could be guessed', () => {
  for (const length of [0, 15, 49])
    assert.throws(() => sessionIdOf(new Uint8Array(length)), { code: 'ERR_SESSION_OPTION' })
})

test('random paths: nothing throws, and what is accepted is valid', () => {
  const random = new Random(4)
  const pieces = [
    '/',
    '/',
    '/',
    'socket.io',
    'xhr-polling',
    'jsonp-polling',
    'send',
    '1',
    '0',
    'Zm9v',
    '?',
    '%2f',
    '.',
    '__proto__',
    '-',
  ]
  let accepted = 0
  for (let round = 0; round < 20_000; round++) {
    const tail = Array.from({ length: random.below(9) }, () => random.pick(pieces)).join('')
    const method = random.pick(['GET', 'POST', 'OPTIONS', 'PUT'])
    const request = readSessionRequest(
      method,
      `/socket.io/${random.pick(['xhr-polling', 'jsonp-polling'])}${tail}`,
    )
    if (request?.accepted !== true) continue
    accepted++
    assert.ok(request.sessionId === '' || isSessionId(request.sessionId))
    assert.ok(Number.isSafeInteger(request.jsonpIndex) && request.jsonpIndex >= -1)
    if (request.kind === 'send') assert.notEqual(request.sessionId, '')
  }
  assert.ok(accepted > 500, `${accepted} accepted`)
})
