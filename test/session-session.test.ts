/** Sessions, driven as a host drives them: a line of the log for everything that reaches a carrier or the application. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Annotations,
  type Carrier,
  encodeHeartbeat,
  encodeMessage,
  type MessageForm,
  Session,
  SessionError,
  type SessionOptions,
  SessionState,
  type TransportName,
  transportOf,
} from '../src/sessions/index.ts'
import { Random } from './support/random.ts'

const HELLO = '~m~2~m~id'

/** A session with its clock, its application and its carriers. */
class Host {
  readonly log: string[] = []
  readonly session: Session
  now = 0
  carriers = 0
  undelivered = -1
  onMessage: (text: string) => void = () => {}
  onConnected: () => void = () => {}

  constructor(name: TransportName, options?: SessionOptions) {
    const ended = () => this.log.push('forgotten')
    this.session = new Session('id', transportOf(name)!, this, 0, options, ended)
  }

  connected(): void {
    this.log.push('connected')
    this.onConnected()
  }

  message(text: string, json: boolean, annotations: Annotations): void {
    const list = [...annotations].map(([key, value]) => ` ${key}=${value}`).join('')
    this.log.push(`got ${json ? 'json ' : ''}${text}${list}`)
    this.onMessage(text)
  }

  drained(): void {
    this.log.push('drained')
  }

  disconnected(end: string, undelivered: number): void {
    this.undelivered = undelivered
    this.log.push(`disconnected ${end} ${undelivered}`)
  }

  /** What was logged since the last time. */
  take(): string[] {
    return this.log.splice(0)
  }

  attach(name: string, takesMore = true): Carrier {
    const carrier: Carrier = {
      deliver: (batch) => {
        this.log.push(`${name}: ${batch}`)
        return takesMore
      },
      end: () => {
        this.log.push(`${name} ends`)
      },
    }
    assert.equal(this.session.attach(carrier, this.now), true)
    return carrier
  }

  /** A poll whose answer has left. */
  poll(name: string): Carrier {
    const carrier = this.attach(name)
    this.session.flushed(carrier, this.now)
    return carrier
  }

  flushed(carrier: Carrier): void {
    this.session.flushed(carrier, this.now)
  }

  detach(carrier: Carrier): void {
    this.session.detach(carrier, this.now)
  }

  send(text: string, form?: MessageForm): boolean {
    return this.session.send(text, this.now, form)
  }

  receive(data: string): SessionError | null {
    const bytes = new TextEncoder().encode(`.${data}.`)
    return this.session.receive(bytes, 1, bytes.length - 1, this.now)
  }

  close(): void {
    this.session.close(this.now)
  }

  /** Lets the time pass, and the session act at each deadline. */
  pass(time: number): void {
    const until = this.now + time
    while (this.session.deadline <= until) {
      this.now = this.session.deadline
      this.session.expire(this.now)
    }
    this.now = until
  }
}

/** A session whose client has its id. */
function open(name: TransportName, options?: SessionOptions): { host: Host; carrier: Carrier } {
  const host = new Host(name, options)
  const carrier = host.poll('first')
  assert.deepEqual(host.take(), [`first: ${options?.encoding === '0.7pre' ? '3:2:id,' : HELLO}`, 'connected'])
  return { host, carrier }
}

test('polling: the first answer is the id; what the application then sends waits for the next', () => {
  const host = new Host('xhr-polling')
  host.onConnected = () => host.send('welcome')
  host.poll('first')
  assert.deepEqual(host.take(), [`first: ${HELLO}`, 'connected'])
  assert.equal(host.session.state, SessionState.between)
  host.poll('second')
  assert.deepEqual(host.take(), ['second: ~m~7~m~welcome'])
  assert.equal(host.session.connections, 2)
})

test('polling: a poll is held until there is something, and then answered at once', () => {
  const { host } = open('xhr-polling')
  host.attach('poll')
  host.pass(19_999)
  assert.deepEqual(host.take(), [])
  assert.equal(host.session.state, SessionState.open)
  host.send('a')
  assert.deepEqual(host.take(), ['poll: ~m~1~m~a'])
})

test('polling: after 20 s a poll is answered without frames, and after 8 s more the session is lost', () => {
  const { host } = open('xhr-polling')
  const poll = host.attach('poll')
  host.pass(20_000)
  assert.deepEqual(host.take(), ['poll: '])
  host.flushed(poll)
  host.pass(7_999)
  assert.deepEqual(host.take(), [])
  host.pass(1)
  assert.deepEqual(host.take(), ['forgotten', 'disconnected lost 0'])
  assert.equal(host.session.state, SessionState.closed)
  assert.equal(host.session.deadline, Number.POSITIVE_INFINITY)
})

test('polling: no heartbeats', () => {
  const { host } = open('xhr-polling', { pollDuration: 100_000 })
  host.attach('poll')
  host.pass(60_000)
  assert.deepEqual(host.take(), [])
})

test('polling: the time between two polls begins when the answer has left', () => {
  const { host } = open('xhr-polling')
  const poll = host.attach('poll')
  host.send('long')
  host.pass(15_000)
  host.flushed(poll)
  host.pass(7_999)
  assert.equal(host.session.state, SessionState.between)
  host.pass(1)
  assert.deepEqual(host.take(), ['poll: ~m~4~m~long', 'forgotten', 'disconnected lost 1'])
})

test('polling: an answer that never leaves does not keep the session for ever', () => {
  const { host } = open('xhr-polling')
  host.attach('poll')
  host.send('stuck')
  host.pass(27_999)
  assert.equal(host.session.state, SessionState.between)
  host.pass(1)
  assert.equal(host.undelivered, 1)
})

test('polling: nothing is lost between two polls, and everything stays in order', () => {
  const { host } = open('xhr-polling')
  for (let index = 0; index < 5; index++) host.send(String(index))
  host.poll('second')
  assert.deepEqual(host.take(), ['second: ' + [0, 1, 2, 3, 4].map((index) => `~m~1~m~${index}`).join('')])
})

test('polling: an answer that broke before it had left goes out again, before what came later', () => {
  const { host } = open('xhr-polling')
  const poll = host.attach('poll')
  host.send('a')
  host.detach(poll)
  host.send('b')
  host.poll('next')
  assert.deepEqual(host.take(), ['poll: ~m~1~m~a', 'next: ~m~1~m~a~m~1~m~b'])
})

test("polling: the browser's second try comes before the host has seen the first break", () => {
  const { host } = open('xhr-polling')
  const poll = host.attach('poll')
  host.send('a')
  const again = host.attach('again')
  assert.deepEqual(host.take(), ['poll: ~m~1~m~a', 'again: ~m~1~m~a'])
  host.detach(poll)
  host.flushed(poll)
  host.flushed(again)
  host.poll('next')
  assert.deepEqual(host.take(), [])
})

test('polling: what has left counts as arrived once the client asks again', () => {
  const { host } = open('xhr-polling')
  host.send('a')
  const poll = host.poll('poll')
  assert.equal(host.session.held, 1)
  // The connection closes behind its answer, as connections may.
  host.detach(poll)
  const next = host.attach('next')
  assert.equal(host.session.held, 0)
  assert.deepEqual(host.take(), ['poll: ~m~1~m~a'])
  host.detach(next)
  host.pass(8_000)
  assert.deepEqual(host.take(), ['forgotten', 'disconnected lost 0'])
})

test('polling: what has left and was never asked behind counts as undelivered', () => {
  const { host } = open('xhr-polling')
  host.send('a')
  host.poll('poll')
  host.send('b')
  host.pass(8_000)
  assert.deepEqual(host.take(), ['poll: ~m~1~m~a', 'forgotten', 'disconnected lost 2'])
})

test('polling: a poll that is given up waits for the next', () => {
  const { host } = open('xhr-polling')
  const poll = host.attach('poll')
  host.detach(poll)
  assert.equal(host.session.state, SessionState.between)
  host.send('a')
  host.poll('next')
  assert.deepEqual(host.take(), ['next: ~m~1~m~a'])
})

test('polling: a second poll takes the place of one that is held', () => {
  const { host } = open('xhr-polling')
  const poll = host.attach('poll')
  host.attach('next')
  assert.deepEqual(host.take(), ['poll ends'])
  host.detach(poll)
  host.send('a')
  assert.deepEqual(host.take(), ['next: ~m~1~m~a'])
})

test('polling: the same carrier again is none', () => {
  const { host } = open('xhr-polling')
  const poll = host.attach('poll')
  host.detach(poll)
  host.detach(poll)
  host.flushed(poll)
  host.pass(7_999)
  assert.equal(host.session.state, SessionState.between)
})

test('streams: each message goes out as it is sent', () => {
  for (const name of ['websocket', 'flashsocket', 'htmlfile', 'xhr-multipart'] as const) {
    const host = new Host(name)
    host.onConnected = () => host.send('welcome')
    host.attach('stream')
    host.send('a')
    assert.deepEqual(host.take(), [
      `stream: ${HELLO}`,
      'connected',
      'stream: ~m~7~m~welcome',
      'stream: ~m~1~m~a',
    ])
    assert.equal(host.session.state, SessionState.open)
  }
})

test('streams: a client whose stream has gone is lost at once, and what had not left is counted', () => {
  const { host, carrier } = open('websocket')
  host.send('a')
  host.flushed(carrier)
  host.send('b')
  host.send('c')
  host.detach(carrier)
  assert.deepEqual(host.take().slice(3), ['forgotten', 'disconnected lost 2'])
})

test('streams: with a closeTimeout, another stream gets what had not left', () => {
  for (const [name, options] of [
    ['websocket', { closeTimeout: 8_000 }],
    ['server-events', {}],
  ] as const) {
    const { host, carrier } = open(name, options)
    host.send('a')
    host.flushed(carrier)
    host.send('b')
    host.detach(carrier)
    host.send('c')
    host.pass(7_999)
    host.take()
    host.attach('again')
    assert.deepEqual(host.take(), ['again: ~m~1~m~b~m~1~m~c'])
  }
})

test('streams: another stream takes the place of one that is there', () => {
  const { host, carrier } = open('websocket')
  host.attach('again')
  assert.deepEqual(host.take(), ['first ends'])
  host.detach(carrier)
  host.send('a')
  assert.deepEqual(host.take(), ['again: ~m~1~m~a'])
})

test('streams: one that takes no more is given nothing until it has drained', () => {
  const host = new Host('websocket')
  const carrier = host.attach('stream', false)
  host.send('a')
  host.send('b')
  assert.deepEqual(host.take(), [`stream: ${HELLO}`, 'connected'])
  host.session.drained(carrier, host.now)
  assert.deepEqual(host.take(), ['stream: ~m~1~m~a~m~1~m~b'])
  host.session.drained({ deliver: () => true, end: () => {} }, host.now)
  host.send('c')
  assert.deepEqual(host.take(), [])
})

test('streams: what is sent while a batch is delivered goes behind it', () => {
  const host = new Host('websocket')
  const batches: string[] = []
  const carrier = {
    deliver: (batch: string) => {
      if (batches.push(batch) === 1) host.send('inside')
      return true
    },
    end: () => {},
  }
  host.session.attach(carrier, 0)
  assert.deepEqual(batches, [HELLO, '~m~6~m~inside'])
})

test('streams: a carrier that breaks while it is given the id was never connected', () => {
  const host = new Host('websocket')
  const carrier: Carrier = {
    deliver: () => {
      host.session.detach(carrier, 0)
      return false
    },
    end: () => {},
  }
  host.session.attach(carrier, 0)
  assert.deepEqual(host.take(), ['forgotten'])
  assert.equal(host.session.state, SessionState.closed)
})

test('heartbeats: every 10 s after the answer to the one before', () => {
  const { host } = open('websocket')
  host.pass(9_999)
  assert.deepEqual(host.take(), [])
  host.pass(1)
  assert.deepEqual(host.take(), ['first: ~m~4~m~~h~1'])
  host.pass(7_999)
  host.receive(encodeHeartbeat(1, '0.6'))
  host.pass(9_999)
  assert.deepEqual(host.take(), [])
  host.pass(1)
  assert.deepEqual(host.take(), ['first: ~m~4~m~~h~2'])
})

test('heartbeats: one that is not answered within 8 s ends the session', () => {
  const { host } = open('htmlfile')
  host.pass(18_000)
  assert.deepEqual(host.take(), ['first: ~m~4~m~~h~1', 'first ends', 'forgotten', 'disconnected failed 0'])
  assert.equal(host.session.error?.code, 'ERR_SESSION_HEARTBEAT_TIMEOUT')
  assert.equal(host.session.error?.closeCode, 1001)
})

test('heartbeats: another index, and one that nobody asked for, are no answer', () => {
  const { host } = open('websocket')
  host.receive(encodeHeartbeat(0, '0.6'))
  host.receive(encodeHeartbeat(1, '0.6'))
  host.pass(10_000)
  host.receive(encodeHeartbeat(2, '0.6'))
  host.receive(encodeHeartbeat(0, '0.6'))
  host.pass(8_000)
  assert.equal(host.session.error?.code, 'ERR_SESSION_HEARTBEAT_TIMEOUT')
})

test('heartbeats: messages are no answer either, and are not lost', () => {
  const { host } = open('websocket')
  host.pass(10_000)
  host.receive(encodeMessage('x', '0.6') + encodeHeartbeat(1, '0.6') + encodeMessage('y', '0.6'))
  assert.deepEqual(host.take(), ['first: ~m~4~m~~h~1', 'got x', 'got y'])
  host.pass(9_999)
  assert.equal(host.session.state, SessionState.open)
})

test('heartbeats: in 0.7pre they have a type of their own', () => {
  const { host } = open('websocket', { encoding: '0.7pre' })
  host.pass(10_000)
  assert.deepEqual(host.take(), ['first: 2:1:1,'])
  assert.equal(host.receive('2:1:1,'), null)
  host.pass(9_999)
  assert.deepEqual(host.take(), [])
})

test('heartbeats: none, if the interval is infinite', () => {
  const { host } = open('websocket', { heartbeatInterval: Number.POSITIVE_INFINITY })
  assert.equal(host.session.deadline, Number.POSITIVE_INFINITY)
  host.send('a')
  assert.equal(host.session.deadline, Number.POSITIVE_INFINITY)
})

test('heartbeats: one that was for a lost stream is not for the next', () => {
  const { host, carrier } = open('websocket', { closeTimeout: 8_000 })
  host.pass(10_000)
  host.detach(carrier)
  host.take()
  host.attach('again')
  host.pass(10_000)
  assert.deepEqual(host.take(), ['again: ~m~4~m~~h~2'])
})

test('expire before the deadline does nothing', () => {
  const { host } = open('websocket')
  host.session.expire(9_999)
  assert.deepEqual(host.take(), [])
})

test('a session whose first carrier never comes ends unseen', () => {
  const host = new Host('websocket', { graceTimeout: 3_000 })
  assert.equal(host.session.deadline, 3_000)
  host.pass(3_000)
  assert.deepEqual(host.take(), ['forgotten'])
})

test('what is sent before the first carrier goes behind the id', () => {
  const host = new Host('xhr-polling')
  host.send('early')
  host.attach('first')
  assert.deepEqual(host.take(), [`first: ${HELLO}~m~5~m~early`, 'connected'])
})

test('corked, everything leaves together', () => {
  const { host } = open('websocket')
  host.session.cork()
  host.session.cork()
  host.send('a')
  host.session.uncork(0)
  host.send('b')
  assert.deepEqual(host.take(), [])
  host.session.uncork(0)
  assert.deepEqual(host.take(), ['first: ~m~1~m~a~m~1~m~b'])
  host.session.uncork(0)
  host.send('c')
  assert.deepEqual(host.take(), ['first: ~m~1~m~c'])
})

test('the answers to one delivery leave together', () => {
  const { host } = open('xhr-polling')
  host.attach('poll')
  host.onMessage = (text) => host.send(text.toUpperCase())
  host.receive('~m~1~m~a~m~1~m~b~m~5~m~~j~[]')
  assert.deepEqual(host.take(), ['got a', 'got b', 'got json []', 'poll: ~m~1~m~A~m~1~m~B~m~2~m~[]'])
})

test('a listener that throws leaves the session as it was', () => {
  const { host } = open('websocket')
  host.onMessage = () => {
    host.send('before')
    throw new Error('listener')
  }
  assert.throws(() => host.receive('~m~1~m~a'), { message: 'listener' })
  assert.deepEqual(host.take(), ['got a', 'first: ~m~6~m~before'])
  host.send('after')
  assert.deepEqual(host.take(), ['first: ~m~5~m~after'])
})

test('a delivery that cannot be read ends the session, and nothing of it is reported', () => {
  const { host } = open('xhr-polling')
  host.attach('poll')
  const error = host.receive('~m~1~m~a~m~x')
  assert.equal(error?.code, 'ERR_SESSION_LENGTH_INVALID')
  assert.equal(host.session.error, error)
  assert.deepEqual(host.take(), ['poll ends', 'forgotten', 'disconnected failed 0'])
  assert.equal(host.receive('~m~1~m~a'), null)
  assert.deepEqual(host.take(), [])
})

test('the limits of what is received', () => {
  const { host } = open('websocket', { limits: { message: 3 } })
  assert.equal(host.receive('~m~3~m~abc'), null)
  assert.equal(host.receive('~m~4~m~abcd')?.code, 'ERR_SESSION_MESSAGE_TOO_LARGE')
  const { host: second } = open('websocket', { limits: { messages: 1 } })
  assert.equal(second.receive('~m~1~m~a'), null)
  assert.equal(second.receive('~m~1~m~a~m~1~m~b')?.closeCode, 1008)
})

test('a decoder of the host is used', () => {
  const { host } = open('websocket', { decode: () => 'decoded' })
  host.receive('~m~1~m~a')
  assert.deepEqual(host.take(), ['got decoded'])
})

test("jsonp-polling reads what a browser's form has made of line ends", () => {
  const { host } = open('jsonp-polling')
  assert.equal(host.receive('~m~3~m~a\r\nb'), null)
  assert.equal(host.receive('~m~4~m~a\r\nb'), null)
  assert.deepEqual(host.take(), ['got a\nb', 'got a\r\nb'])
  const { host: polling } = open('xhr-polling')
  assert.equal(polling.receive('~m~3~m~a\r\nb')?.code, 'ERR_SESSION_MARK_INVALID')
})

test('server-events carries no CR', () => {
  const { host } = open('server-events')
  host.send('a\rb')
  assert.deepEqual(host.take(), ['first: ~m~9~m~~j~"a\\rb"'])
})

test('the first frame of the client shows the encoding, for both directions', () => {
  const { host } = open('xhr-polling')
  host.send('before')
  assert.equal(host.receive('1:19:r:chat\n:Hello world,'), null)
  assert.equal(host.session.encoding, '0.7pre')
  host.send('{}', { json: true, annotations: new Map([['r', 'chat']]) })
  host.poll('poll')
  assert.deepEqual(host.take(), ['got Hello world r=chat', 'poll: 1:7::before,1:12:r:chat\nj\n:{},'])
  assert.equal(host.receive('~m~1~m~a')?.code, 'ERR_SESSION_ENCODING_UNKNOWN')
})

test('an empty delivery shows no encoding', () => {
  const { host } = open('xhr-polling')
  assert.equal(host.receive(''), null)
  assert.equal(host.receive('1:2::a,'), null)
  assert.equal(host.receive(''), null)
  assert.deepEqual(host.take(), ['got a'])
})

test('0.6 has no annotations: sending one throws, a client that turns out to speak it ends the session', () => {
  const realm = { annotations: new Map([['r', 'chat']]) }
  const { host } = open('xhr-polling')
  assert.throws(() => host.send('a', realm), { code: 'ERR_SESSION_ANNOTATION_UNSUPPORTED' })
  const { host: second } = open('xhr-polling', { encoding: '0.7pre' })
  second.send('a', realm)
  assert.equal(second.receive('~m~1~m~a')?.code, 'ERR_SESSION_ANNOTATION_UNSUPPORTED')
  assert.deepEqual(second.take(), ['forgotten', 'disconnected failed 1'])
})

test('a client gives no session id', () => {
  const { host } = open('websocket', { encoding: '0.7pre' })
  assert.equal(host.receive('3:1:x,')?.code, 'ERR_SESSION_HANDSHAKE_UNEXPECTED')
})

test('a client that disconnects is gone at once', () => {
  const { host } = open('websocket', { encoding: '0.7pre' })
  host.send('a')
  host.take()
  assert.equal(host.receive('1:2::b,0:0:,1:2::c,'), null)
  assert.deepEqual(host.take(), ['got b', 'first ends', 'forgotten', 'disconnected disconnected 1'])
})

test('the limits of what waits, in bytes and in messages', () => {
  for (const options of [{ writeLimit: 3 }, { writeCount: 3 }]) {
    const { host } = open('xhr-polling', options)
    host.poll('confirms the id')
    for (const text of ['a', 'b', 'c']) host.send(text)
    assert.equal(
      host.session.state,
      SessionState.between,
      'the held poll has taken one, three are unconfirmed',
    )
    host.take()
    assert.equal(host.send('d'), false)
    assert.equal(host.session.error?.code, 'ERR_SESSION_WRITE_LIMIT')
    assert.deepEqual(host.take(), ['forgotten', 'disconnected failed 3'])
    assert.equal(host.send('e'), false)
  }
})

test('send says when to wait, and drained when to go on', () => {
  const { host, carrier } = open('websocket', { highWater: 4 })
  assert.equal(host.send('abc'), true)
  assert.equal(host.send('d'), false)
  assert.equal(host.send(''), false)
  host.take()
  host.flushed(carrier)
  assert.deepEqual(host.take(), ['drained'])
  host.flushed(carrier)
  assert.deepEqual(host.take(), [])
  assert.equal(host.send('abc'), true)
})

test('between polls, drained comes with the poll that confirms', () => {
  const { host } = open('xhr-polling', { highWater: 2 })
  assert.equal(host.send('ab'), false)
  host.poll('poll')
  assert.deepEqual(host.take(), ['poll: ~m~2~m~ab'])
  host.poll('next')
  assert.deepEqual(host.take(), ['drained'])
})

test('close: a held poll is answered without frames, and in 0.7pre with a disconnection', () => {
  for (const [encoding, batch] of [
    ['0.6', ''],
    ['0.7pre', '0:0:,'],
  ] as const) {
    const { host } = open('xhr-polling', { encoding })
    const poll = host.attach('poll')
    host.close()
    assert.deepEqual(host.take(), [`poll: ${batch}`])
    assert.equal(host.session.state, SessionState.closing)
    host.flushed(poll)
    assert.deepEqual(host.take(), ['forgotten', 'disconnected closed 0'])
  }
})

test('close between polls: at once if nothing waits, else with the next poll', () => {
  const { host } = open('xhr-polling')
  host.close()
  assert.deepEqual(host.take(), ['forgotten', 'disconnected closed 0'])
  const { host: second } = open('xhr-polling')
  second.send('last')
  second.close()
  assert.equal(second.send('too late'), false)
  assert.deepEqual(second.take(), [])
  const poll = second.attach('poll')
  second.flushed(poll)
  assert.deepEqual(second.take(), ['poll: ~m~4~m~last', 'forgotten', 'disconnected closed 0'])
})

test('close while an answer is on its way waits until it has left', () => {
  const { host } = open('xhr-polling')
  const poll = host.attach('poll')
  host.send('a')
  host.close()
  assert.deepEqual(host.take(), ['poll: ~m~1~m~a'])
  host.flushed(poll)
  assert.deepEqual(host.take(), ['forgotten', 'disconnected closed 0'])
})

test('close does not wait for ever', () => {
  const { host } = open('xhr-polling')
  host.send('a')
  host.close()
  host.pass(8_000)
  assert.deepEqual(host.take(), ['forgotten', 'disconnected closed 1'])
})

test('close: a stream gets the rest, even one that takes no more, and is ended behind it', () => {
  const host = new Host('websocket', { encoding: '0.7pre' })
  const carrier = host.attach('stream', false)
  host.send('a')
  host.take()
  host.close()
  host.close()
  assert.deepEqual(host.take(), ['stream: 1:2::a,0:0:,', 'stream ends'])
  host.flushed(carrier)
  assert.deepEqual(host.take(), ['forgotten', 'disconnected closed 0'])
})

test('close: a stream that breaks before the rest has left keeps what is undelivered in the count', () => {
  const { host, carrier } = open('websocket')
  host.send('a')
  host.close()
  host.detach(carrier)
  host.pass(8_000)
  assert.deepEqual(host.take().slice(-2), ['forgotten', 'disconnected closed 1'])
  const { host: second, carrier: gone } = open('websocket')
  second.close()
  second.detach(gone)
  assert.deepEqual(second.take(), ['first ends', 'forgotten', 'disconnected closed 0'])
})

test('close before the first carrier ends unseen', () => {
  const host = new Host('websocket')
  host.close()
  assert.deepEqual(host.take(), ['forgotten'])
})

test('what a client sends while its session closes is dropped', () => {
  const { host } = open('xhr-polling')
  host.send('a')
  host.close()
  assert.equal(host.receive('~m~1~m~b'), null)
  assert.deepEqual(host.take(), [])
})

test('fail: at once, whatever waits, and only once', () => {
  const { host } = open('xhr-polling')
  host.attach('poll')
  const error = new SessionError('ERR_SESSION_OPTION', 'Cannot go on: the host is out of memory')
  host.session.fail(error)
  host.session.fail(new SessionError('ERR_SESSION_OPTION', 'Cannot go on: again'))
  assert.equal(host.session.error, error)
  assert.deepEqual(host.take(), ['poll ends', 'forgotten', 'disconnected failed 0'])
})

test('destroy: at once, whatever waits, and without a reason', () => {
  const { host } = open('websocket')
  const { session } = host
  host.send('lost')
  host.take()
  session.destroy()
  session.destroy()
  assert.deepEqual(host.take(), ['first ends', 'forgotten', 'disconnected closed 1'])
  assert.equal(session.error, null)
  assert.equal(session.send('late', 0), false)
})

test('an ended session takes no carrier', () => {
  const { host } = open('xhr-polling')
  host.close()
  const carrier = { deliver: () => assert.fail('delivers'), end: () => assert.fail('ends') }
  assert.equal(host.session.attach(carrier, 0), false)
  host.session.expire(Number.MAX_SAFE_INTEGER)
  host.session.detach(carrier, 0)
})

test('options that are no possible value are refused', () => {
  assert.throws(() => new Host('websocket', { closeTimeout: -1 }), { code: 'ERR_SESSION_OPTION' })
})

test('random lives: over any number of broken polls and streams each message arrives once, in order', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed)
    const name = random.pick<TransportName>(['xhr-polling', 'jsonp-polling', 'websocket', 'server-events'])
    const polling = transportOf(name)!.polling
    const host = new Host(name, { closeTimeout: 8_000, heartbeatInterval: Number.POSITIVE_INFINITY })
    const arrived: string[] = []
    let current: { carrier: Carrier; batch: string; answered: boolean } | undefined
    let sent = 0

    const connect = () => {
      const state = { carrier: undefined as unknown as Carrier, batch: '', answered: false }
      state.carrier = {
        deliver: (batch) => {
          state.batch += batch
          state.answered = true
          return random.next() < 0.8
        },
        end: () => {},
      }
      current = state
      host.session.attach(state.carrier, host.now)
    }
    // The bytes have left and the client has read them, as far as a carrier that lives goes.
    const arrive = () => {
      if (current === undefined || !current.answered) return
      arrived.push(...current.batch.split(/~m~\d+~m~/).slice(1))
      current.batch = ''
      current.answered = false
      host.session.flushed(current.carrier, host.now)
      if (polling) current = undefined
      else host.session.drained(current.carrier, host.now)
    }
    const breaks = () => {
      if (current === undefined) return
      if (random.next() < 0.5) host.session.detach(current.carrier, host.now)
      current = undefined
    }

    for (let step = 0; step < 120; step++) {
      host.now += random.below(50)
      const choice = random.next()
      if (choice < 0.4) host.send(String(sent++))
      else if (choice < 0.65 && current === undefined) connect()
      else if (choice < 0.9) arrive()
      else breaks()
    }
    for (let round = 0; round < 3; round++) {
      if (current === undefined) connect()
      arrive()
      arrive()
    }
    const expected = ['id', ...Array.from({ length: sent }, (_, index) => String(index))]
    assert.deepEqual(arrived, expected, `seed ${seed}, ${name}`)
  }
})
