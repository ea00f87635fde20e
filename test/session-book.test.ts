import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Carrier,
  type RequestOrigin,
  Session,
  SessionBook,
  SessionError,
  type SessionOptions,
  SessionState,
  type TransportName,
  transportOf,
} from '../src/sessions/index.ts'

const polling = transportOf('xhr-polling')!
const sink = { connected: () => {}, message: () => {}, drained: () => {}, disconnected: () => {} }
const carrier: Carrier = { deliver: () => true, end: () => {} }

function declared(origin: string): RequestOrigin {
  return { origin, declared: true }
}
function ofPage(origin: string): RequestOrigin {
  return { origin, declared: false }
}
const hidden: RequestOrigin = { origin: undefined, declared: false }

function open(
  book: SessionBook,
  id: string,
  origin = hidden,
  name: TransportName = 'xhr-polling',
  options?: SessionOptions,
): Session | SessionError {
  return book.open({ id, transport: transportOf(name)!, origin, sink, ...(options && { options }) }, 0)
}

function found(book: SessionBook, id: string, origin: RequestOrigin): boolean {
  const result = book.find(id, polling, origin)
  if (result instanceof SessionError) assert.equal(result.code, 'ERR_SESSION_ORIGIN')
  return result instanceof Session
}

test('a session is found by its id', () => {
  const book = new SessionBook()
  const session = open(book, 'Zm9v')
  assert.ok(session instanceof Session)
  assert.equal(book.find('Zm9v', polling, hidden), session)
  assert.equal(book.size, 1)
  assert.deepEqual([...book], [session])
})

test('an id that nobody has is not found', () => {
  const book = new SessionBook()
  for (const id of ['', 'Zm9v', '__proto__', 'constructor', 'toString']) {
    const error = book.find(id, polling, hidden)
    assert.ok(error instanceof SessionError)
    assert.equal(error.code, 'ERR_SESSION_UNKNOWN')
    assert.equal(error.status, 404)
  }
})

test('names of Object.prototype are ids like others', () => {
  const book = new SessionBook()
  const session = open(book, '__proto__')
  assert.equal(book.find('__proto__', polling, hidden), session)
})

test('a session that has ended is not found any more', () => {
  const book = new SessionBook()
  const session = open(book, 'a') as Session
  session.attach(carrier, 0)
  session.flushed(carrier, 0)
  session.close(0)
  assert.equal(session.state, SessionState.closed)
  assert.equal(book.size, 0)
  assert.ok(book.find('a', polling, hidden) instanceof SessionError)
})

test('an id is used once, and must be one', () => {
  const book = new SessionBook()
  open(book, 'a')
  for (const id of ['a', '', 'a b', 'x'.repeat(65)])
    assert.throws(() => open(book, id), {
      code: 'ERR_SESSION_OPTION',
      message: 'Cannot open the session: its id is none, or is taken',
    })
})

test('there are only so many sessions', () => {
  const book = new SessionBook(2)
  const first = open(book, 'a') as Session
  open(book, 'b')
  const error = open(book, 'c')
  assert.ok(error instanceof SessionError)
  assert.equal(error.code, 'ERR_SESSION_TOO_MANY')
  assert.equal(error.status, 503)
  first.close(0)
  assert.ok(open(book, 'c') instanceof Session)
})

test('the default is 10,000 sessions; a limit must be one', () => {
  const book = new SessionBook()
  for (let index = 0; index < 10_000; index++) open(book, `s${index}`)
  assert.equal(book.size, 10_000)
  assert.ok(open(book, 'more') instanceof SessionError)
  for (const limit of [0, -1, Number.NaN])
    assert.throws(() => new SessionBook(limit), { code: 'ERR_SESSION_OPTION' })
})

test('there are only so many sessions of an address; who has none is not counted', () => {
  const book = new SessionBook(10, 2)
  const opened = (id: string, address: string | undefined) =>
    book.open({ id, transport: polling, origin: hidden, address, sink }, 0)
  const first = opened('a', 'here') as Session
  opened('b', 'here')
  const error = opened('c', 'here')
  assert.ok(error instanceof SessionError)
  assert.equal(error.code, 'ERR_SESSION_TOO_MANY')
  assert.equal(error.message, 'Cannot open the session: there are 2 from its address')
  assert.ok(opened('c', 'constructor') instanceof Session)
  for (const id of ['d', 'e', 'f']) assert.ok(opened(id, undefined) instanceof Session)
  first.close(0)
  first.close(0)
  assert.ok(opened('g', 'here') instanceof Session)
  assert.ok(opened('h', 'here') instanceof SessionError)
  assert.throws(() => new SessionBook(1, 0), { code: 'ERR_SESSION_OPTION' })
})

test('a session hears its own transport', () => {
  const book = new SessionBook()
  open(book, 'a', hidden, 'htmlfile')
  const error = book.find('a', polling, hidden)
  assert.ok(error instanceof SessionError)
  assert.equal(error.code, 'ERR_SESSION_TRANSPORT_MISMATCH')
  assert.equal(error.message, 'Cannot use the session: its transport is htmlfile')
})

test('a session that was opened with an Origin field hears only requests with that one', () => {
  const book = new SessionBook()
  open(book, 'a', declared('https://a'))
  assert.ok(found(book, 'a', declared('https://a')))
  assert.ok(found(book, 'a', ofPage('https://a')))
  for (const origin of [declared('https://b'), ofPage('https://b'), declared('null'), hidden])
    assert.ok(!found(book, 'a', origin))
  const error = book.find('a', polling, hidden)
  assert.ok(error instanceof SessionError)
  assert.equal(error.status, 403)
})

test('a session whose origin was seen on the page hears that one, and requests that show none', () => {
  const book = new SessionBook()
  open(book, 'a', ofPage('https://a'))
  for (const origin of [declared('https://a'), ofPage('https://a'), hidden])
    assert.ok(found(book, 'a', origin))
  for (const origin of [declared('https://b'), ofPage('null')]) assert.ok(!found(book, 'a', origin))
})

test('a session that was opened without an origin belongs to the first that is named', () => {
  const book = new SessionBook()
  open(book, 'a')
  assert.ok(found(book, 'a', hidden))
  assert.ok(found(book, 'a', declared('https://a')))
  assert.ok(found(book, 'a', hidden))
  assert.ok(!found(book, 'a', declared('https://b')))
  assert.ok(found(book, 'a', ofPage('https://a')))
})

test('a request for another transport names no origin', () => {
  const book = new SessionBook()
  open(book, 'a')
  book.find('a', transportOf('websocket')!, declared('https://evil'))
  assert.ok(found(book, 'a', declared('https://a')))
})

test('an opaque origin is none that another is equal to, but itself', () => {
  const book = new SessionBook()
  open(book, 'a', declared('null'))
  assert.ok(found(book, 'a', declared('null')))
  assert.ok(!found(book, 'a', hidden))
})

test('a sweep ends what is due, and may change the book', () => {
  const book = new SessionBook()
  const early = open(book, 'early', hidden, 'xhr-polling', { graceTimeout: 100 }) as Session
  open(book, 'late', hidden, 'xhr-polling', { graceTimeout: 200 })
  book.sweep(99)
  assert.equal(book.size, 2)
  book.sweep(100)
  assert.equal(early.state, SessionState.closed)
  assert.deepEqual(
    [...book].map(({ id }) => id),
    ['late'],
  )
  book.sweep(200)
  assert.equal(book.size, 0)
})

test('sessions may be closed while the book is read', () => {
  const book = new SessionBook()
  for (const id of ['a', 'b', 'c']) open(book, id)
  for (const session of book) session.close(0)
  assert.equal(book.size, 0)
})
