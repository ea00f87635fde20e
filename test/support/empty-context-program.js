import { AnswerHead, BodyReader, RequestHead } from './http/index.js'
import { LineReader } from './raw/index.js'
import { encodeMessage, readSessionRequest, Session, sessionIdOf, transportOf } from './sessions/index.js'
import { Sniffer } from './sniff/index.js'
import { acceptKey, encodeFrame, FrameDecoder } from './ws-codec/index.js'

function bytes(text) {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function text(chunk, start, end) {
  return String.fromCharCode(...chunk.subarray(start, end))
}

function sniff(input) {
  const sniffer = new Sniffer()
  sniffer.push(input, 0, input.length)
  return sniffer.verdict
}

const head = new RequestHead()
const request = bytes('POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello')
const bodyAt = head.push(request, 0, request.length)
let body = ''
const reader = new BodyReader({
  bodyData: (chunk, start, end) => (body += text(chunk, start, end)),
  bodyEnd() {},
})
reader.start(head.framing, head.contentLength)
reader.push(request, bodyAt, request.length)

const frames = []
const echo = []
const decoder = new FrameDecoder({
  data(chunk, start, end) {
    frames.push(text(chunk, start, end))
    echo.push(...encodeFrame(1, true, chunk, start, end))
  },
  control() {},
  fail(code) {
    frames.push(code)
  },
})
// RFC 6455 §5.7: a masked "Hello"
const masked = Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58)
decoder.push(masked, 0, masked.length)

const lines = []
const lineReader = new LineReader(
  { message: (chunk, start, end) => lines.push(text(chunk, start, end)), fail() {} },
  64,
)
const input = bytes('one\r\ntwo')
lineReader.push(input, 0, input.length)
lineReader.end()

const sessionLog = []
const session = new Session(
  sessionIdOf(new Uint8Array(16)),
  transportOf('xhr-polling'),
  {
    connected: () => sessionLog.push('connected'),
    message: (message) => session.send(`${message}!`, 0),
    drained() {},
    disconnected() {},
  },
  0,
)
const poll = { deliver: (batch) => sessionLog.push(batch) > 0, end() {} }
session.attach(poll, 0)
session.flushed(poll, 0)
const delivery = bytes(encodeMessage('hello', '0.6'))
session.receive(delivery, 0, delivery.length, 0)
session.attach(poll, 0)
sessionLog.push(readSessionRequest('POST', '/socket.io/xhr-polling/Zm9v/send').kind)

export const result = {
  globals: ['Buffer', 'TextDecoder', 'process', 'setTimeout', 'require'].map(
    (name) => typeof globalThis[name],
  ),
  verdicts: [
    sniff(bytes('{"a":1}\n')),
    sniff(bytes('GET / HTTP/1.1\r\n')),
    sniff(bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')),
    sniff(Uint8Array.of(0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3)),
  ],
  request: { method: head.method, target: head.target, host: head.field('host'), body },
  answer: new AnswerHead().format({ length: 0, keepAlive: true, versionMinor: 1, date: '' }),
  accept: acceptKey('dGhlIHNhbXBsZSBub25jZQ=='),
  frames,
  echo,
  lines,
  sessionLog,
}
