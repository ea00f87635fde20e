/** What the servers are compared by: every vector's bytes, each rule of the grammar broken in turn, and damage at random. */
import { mutate, Random } from '../../support/random.ts'
import { bytes } from '../../support/splits.ts'
import { bytesOf, readVectorFolder } from '../../support/vectors.ts'

export interface Input {
  readonly name: string
  readonly bytes: Uint8Array
}

const SEED = 0x9112
const DAMAGED = 400

const HOST = 'Host: a\r\n'

function get(fields: string): string {
  return `GET / HTTP/1.1\r\n${HOST}${fields}\r\n`
}

function post(fields: string, body = ''): string {
  return `POST / HTTP/1.1\r\n${HOST}${fields}\r\n${body}`
}

function chunked(body: string): string {
  return post('Transfer-Encoding: chunked\r\n', body)
}

/** What stands where one space, or none, or a line end should. */
const SPACES = ['', ' ', '  ', '\t', ' \t ', '\v', '\f', '\xa0', '\x85', '\0', '\x1f', '\x7f']
const LINE_ENDS = [
  '\n',
  '\r',
  '\r\r\n',
  '\n\r',
  '\r\n ',
  '\r \n',
  '\r\0\n',
  '\n\n',
  '\r\n\r',
  '\r\n\n',
  '\0\r\n',
  '\rx',
  'x\n',
]

function spaces(): string[] {
  return SPACES.flatMap((space) => [
    `GET${space}/ HTTP/1.1\r\n${HOST}\r\n`,
    `GET /${space}HTTP/1.1\r\n${HOST}\r\n`,
    `GET / HTTP/1.1${space}\r\n${HOST}\r\n`,
    `${space}GET / HTTP/1.1\r\n${HOST}\r\n`,
    `GET / HTTP/1.1\r\nHost${space}: a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost:${space}a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a${space}\r\n\r\n`,
    `GET / HTTP/1.1\r\n${space}Host: a\r\n\r\n`,
    get(`X: a\r\n${space}b\r\n`),
    get(`${space}X: a\r\n`),
    get(`X: a${space}b\r\n`),
    post(`Content-Length${space}: 2\r\n`, 'hi'),
    post(`Content-Length:${space}2\r\n`, 'hi'),
    post(`Content-Length: 2${space}\r\n`, 'hi'),
    post(`Content-Length: ${space}2\r\n`, 'hi'),
    post(`Transfer-Encoding${space}: chunked\r\n`, '0\r\n\r\n'),
    post(`Transfer-Encoding:${space}chunked\r\n`, '0\r\n\r\n'),
    post(`Transfer-Encoding: chunked${space}\r\n`, '0\r\n\r\n'),
    chunked(`${space}2\r\nhi\r\n0\r\n\r\n`),
    chunked(`2${space}\r\nhi\r\n0\r\n\r\n`),
    chunked(`2${space};x\r\nhi\r\n0\r\n\r\n`),
    chunked(`2;${space}x=y\r\nhi\r\n0\r\n\r\n`),
    chunked(`2;x${space}=y\r\nhi\r\n0\r\n\r\n`),
    chunked(`2;x=y${space}\r\nhi\r\n0\r\n\r\n`),
    chunked(`2\r\nhi${space}\r\n0\r\n\r\n`),
    chunked(`2\r\nhi\r\n0${space}\r\n\r\n`),
    chunked(`0\r\n${space}\r\n`),
    chunked(`0\r\nX${space}: y\r\n\r\n`),
  ])
}

/** Each line end of a request, and of a chunked body, replaced. */
function lineEnds(): string[] {
  const whole = chunked('2\r\nhi\r\n1;x=y\r\n!\r\n0\r\nX: y\r\n\r\n')
  const lines = whole.split('\r\n')
  return LINE_ENDS.flatMap((end) =>
    lines
      .slice(1)
      .map((_, at) => lines.slice(0, at + 1).join('\r\n') + end + lines.slice(at + 1).join('\r\n')),
  )
}

const LENGTHS = [
  '2',
  '02',
  '+2',
  '-2',
  '2.0',
  '0x2',
  '2 2',
  '2,2',
  '2, 2',
  '2;',
  '"2"',
  '',
  '4294967298',
  '18446744073709551618',
  '9'.repeat(40),
]
const CODINGS = [
  'chunked',
  'Chunked',
  'chunked,',
  ',chunked',
  'chunked, chunked',
  'chunked, identity',
  'identity',
  'identity, chunked',
  'gzip, chunked',
  'chunked, gzip',
  'gzip',
  'chunked;q=1',
  '"chunked"',
  'xchunked',
  'chunkedx',
  'chunked chunked',
  'chunke d',
  'x',
  '',
]

/** Content-Length and Transfer-Encoding: each alone, twice, both in either order, and in both versions. */
function framing(): string[] {
  const body = '2\r\nhi\r\n0\r\n\r\n'
  const lengths = LENGTHS.map((length) => `Content-Length: ${length}\r\n`)
  const codings = CODINGS.map((coding) => `Transfer-Encoding: ${coding}\r\n`)
  return [
    ...lengths.map((field) => post(field, 'hi')),
    ...lengths.map((field) => post(field + 'Content-Length: 2\r\n', 'hi')),
    ...lengths.map((field) => post('Content-Length: 2\r\n' + field, 'hi')),
    ...lengths.map((field) => get(field) + 'hi'),
    ...codings.map((field) => post(field, body)),
    ...codings.map((field) => post(field + 'Transfer-Encoding: chunked\r\n', body)),
    ...codings.map((field) => post('Transfer-Encoding: chunked\r\n' + field, body)),
    ...codings.map((field) => post('Content-Length: 2\r\n' + field, body)),
    ...codings.map((field) => post(field + 'Content-Length: 12\r\n', body)),
    ...codings.map((field) => get(field) + body),
    ...codings.map((field) => post(field, body).replace('1.1', '1.0')),
    ...codings.map((field) => post(field + 'Connection: keep-alive\r\n', body).replace('1.1', '1.0')),
  ]
}

const SIZES = [
  '',
  '0x2',
  '2h',
  '+2',
  '-2',
  '2.',
  '2,',
  '2_',
  '00000002',
  '0'.repeat(17) + '2',
  '100000002',
  '10000000000000002',
]
const EXTENSIONS = [
  ';',
  ';x',
  ';x=',
  ';x=y',
  ';=y',
  ';x="y"',
  ';x="y',
  ';x="\\"',
  ';x="\r\n"',
  ';;x',
  ';x;y=z',
  ';x=y z',
  ';x="y"z',
  ';x=\0',
  ';\xe9',
  ' x',
  ';x\n',
  ',x',
  ';x="\n"',
  ';x\r',
]
const ENDS = [
  '0\r\n\r',
  '0\r\n',
  '0\r\nX\r\n\r\n',
  '0\r\nX: y\r\n\r\n',
  '0\r\n: y\r\n\r\n',
  '0\r\n X: y\r\n\r\n',
  '0\r\nX: y\r\n z\r\n\r\n',
  '0\r\nX: \0\r\n\r\n',
  '0\r\nX: y\n\r\n',
  '0\r\nContent-Length: 5\r\n\r\n',
  '0\r\nTransfer-Encoding: chunked\r\n\r\n',
  '0\r\nHost: b\r\n\r\n',
  '00\r\n\r\n',
  '0;x\r\n\r\n',
  '0\r\nxx',
  '0\r\n\n',
  '0\n\r\n',
  '-0\r\n\r\n',
  '\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
]
const AFTER_DATA = ['', '\rx', 'x\n', '\n', '\r', 'x\r\n', '\r\n\r\n', 'xx', '\n\r', '\r\r\n', ' \r\n']

function chunks(): string[] {
  return [
    ...SIZES.map((size) => chunked(`${size}\r\nhi\r\n0\r\n\r\n`)),
    ...EXTENSIONS.map((extension) => chunked(`2${extension}\r\nhi\r\n0\r\n\r\n`)),
    ...EXTENSIONS.map((extension) => chunked(`2\r\nhi\r\n0${extension}\r\n\r\n`)),
    ...ENDS.map((end) => chunked(`2\r\nhi\r\n${end}`)),
    ...AFTER_DATA.map((after) => chunked(`2\r\nhi${after}0\r\n\r\n`)),
    ...AFTER_DATA.map((after) => chunked(`2\r\nhi${after}`)),
  ]
}

const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/1.9',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/3.0',
  'http/1.1',
  'HTTP/1',
  'HTTP/1.',
  'HTTP/.1',
  'HTTP/11',
  'HTTP/1.10',
  'HTTP/01.1',
  'HTTP/1.01',
  'HTTP/+1.1',
  'HTTP 1.1',
  'HTTPS/1.1',
  'HTP/1.1',
  'HTTP/1.1x',
  'HTTP/1,1',
  'HTTP/x.y',
  'RTSP/1.0',
  'ICE/1.0',
  '',
  'HTTP/1.1 HTTP/1.1',
]
const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'CONNECT',
  'get',
  'Get',
  'GETT',
  'GE',
  'G',
  'PROPFIND',
  'QUERY',
  'PRI',
  'SOURCE',
  'BREW',
  'GET:',
  'GE T',
  'G\0T',
  'G\xc9T',
  '(GET)',
  '"GET"',
  'GET/',
  "!#$%&'*+-.^_`|~",
  'A'.repeat(32),
  'A'.repeat(33),
  '1',
  '',
]
const TARGETS = [
  '/',
  '/a?b',
  '/a?b?c',
  '/a#b',
  '/?a#b',
  '#',
  '/%41',
  '/%',
  '/%4',
  '/%zz',
  '/%00',
  '/?%',
  '/?%zz',
  '/"<>\\^`{|}',
  '/\xe9',
  '/\0',
  '/\x7f',
  '/..',
  '/../..',
  '/a/../b',
  '//a',
  '//',
  '/a//b',
  '/a\tb',
  '/a b',
  '\\',
  '*',
  '**',
  '/*',
  '*?',
  'a',
  'a/b',
  'a:80',
  '?',
  '?a',
  '.',
  'http:',
  'http:/',
  'http://',
  'http:///',
  'http://b',
  'http://b/',
  'http://b?c',
  'http://b#c',
  'http://b:80/',
  'http://b:/',
  'http://b:0/',
  'http://b:65536/',
  'http://b:x/',
  'http://b:80:80/',
  'http://:80/',
  'http://u@b/',
  'http://u:p@b/',
  'http://@b/',
  'http://b\\c/',
  'http://b c/',
  'http://b,c/',
  'http://b_c/',
  'http://b%41/',
  'http://b%/',
  'http://b!$&/',
  'http://b../',
  'http://b..c/',
  'http://.b/',
  'http://[::1]/',
  'http://[::1]:1/',
  'http://[::1',
  'http://[]/',
  'http://[::1%25a]/',
  'http://[v1.a]/',
  'http://[b]/',
  'HTTP://b/',
  'https://b/',
  'httpx://b/',
  'ftp://b/',
  'ws://b/',
  'file:///b',
  'mailto:b@c',
  'http//b/',
  'http:b',
  '://b/',
  'http://\xe9/',
  'http://b/\xe9',
  `/${'a'.repeat(7000)}`,
  `/${'a'.repeat(9000)}`,
]
const HOSTS = [
  'a',
  'a:',
  'a:80',
  'a:0',
  'a:65536',
  'a:x',
  'a:80:80',
  ':80',
  '',
  'a b',
  'a,b',
  'a, a',
  'a/b',
  'a?b',
  'a#b',
  'a@b',
  'u:p@a',
  'a\\b',
  'a_b',
  'a%41',
  'a%',
  'a!$&',
  "a'(b)*",
  'a"b',
  'a<b>',
  'a|b',
  'a..b',
  '.a',
  'a.',
  '..',
  '.',
  '-a',
  '[::1]',
  '[::1]:80',
  '[::1',
  '[]',
  '[b]',
  '[::1]b',
  '[1::2::3]',
  '::1',
  '[v1.a]',
  '\xe9',
  'http://a/',
  'a\tb',
  '127.0.0.1',
  '127.1',
  '999.1.1.1',
  '*',
]

function starts(): string[] {
  return [
    ...VERSIONS.map((version) => `GET / ${version}\r\n${HOST}\r\n`),
    ...VERSIONS.map((version) => `POST / ${version}\r\n${HOST}Content-Length: 2\r\n\r\nhi`),
    ...METHODS.map((method) => `${method} / HTTP/1.1\r\n${HOST}\r\n`),
    ...METHODS.map((method) => `${method} / HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhi`),
    ...['GET', 'POST', 'OPTIONS', 'CONNECT'].flatMap((method) =>
      TARGETS.map((target) => `${method} ${target} HTTP/1.1\r\n${HOST}\r\n`),
    ),
    ...HOSTS.map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    ...HOSTS.map((host) => `GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`),
    ...HOSTS.map((host) => get(`Host: ${host}\r\n`)),
    ...HOSTS.map((host) => `GET http://b/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
  ]
}

const CONNECTIONS = [
  'close',
  'Close',
  'keep-alive',
  'keep-alive, close',
  'close, keep-alive',
  'upgrade',
  'close,',
  ', close',
  'x',
  '',
  'closed',
  '"close"',
  'close;x',
  'close close',
]
const EXPECTS = [
  '100-continue',
  '100-Continue',
  '100-continue, 100-continue',
  '100-continue,',
  '100-continue;x',
  '200-ok',
  'x',
  '',
  '"100-continue"',
]

function fields(): string[] {
  const next = `GET /next HTTP/1.1\r\n${HOST}\r\n`
  return [
    ...CONNECTIONS.map((value) => get(`Connection: ${value}\r\n`) + next),
    ...CONNECTIONS.map((value) => get(`Connection: ${value}\r\n`).replace('1.1', '1.0') + next),
    ...CONNECTIONS.map((value) => get(`Connection: ${value}\r\nConnection: close\r\n`) + next),
    ...EXPECTS.map((value) => post(`Expect: ${value}\r\nContent-Length: 2\r\n`, 'hi') + next),
    ...EXPECTS.map(
      (value) => post(`Expect: ${value}\r\nContent-Length: 2\r\n`, 'hi').replace('1.1', '1.0') + next,
    ),
    ...['h2c', 'x', 'TLS/1.2', ''].map((value) => get(`Connection: upgrade\r\nUpgrade: ${value}\r\n`) + next),
    ...Array.from({ length: 256 }, (_, byte) => get(`X${String.fromCharCode(byte)}: y\r\n`)),
    ...Array.from({ length: 256 }, (_, byte) => get(`X: y${String.fromCharCode(byte)}z\r\n`)),
    ...Array.from(
      { length: 256 },
      (_, byte) => `GET /a${String.fromCharCode(byte)}b HTTP/1.1\r\n${HOST}\r\n`,
    ),
    get('X: y\r\n'.repeat(99)),
    get('X: y\r\n'.repeat(100)),
    get(`X: ${'y'.repeat(16_000)}\r\n`),
    get(`X: ${'y'.repeat(17_000)}\r\n`),
    get(': y\r\n'),
    get('X\r\n'),
    get('X y\r\n'),
  ]
}

/** All of them, in a fixed order, each once. */
export function differentialInputs(): Input[] {
  const vectors = readVectorFolder(new URL('../../vectors/http/', import.meta.url)).map(
    ({ where, name, blocks }) => ({ name: `${where} ${name}`, bytes: bytesOf(blocks.get('input')!) }),
  )
  const systematic = [spaces, lineEnds, framing, chunks, starts, fields].flatMap((make) =>
    make().map((text) => ({ name: make.name, bytes: bytes(text) })),
  )
  return unique([...vectors, ...systematic, ...damaged(vectors)])
}

function damaged(vectors: readonly Input[]): Input[] {
  const random = new Random(SEED)
  const corpus = vectors.map((vector) => vector.bytes).filter((input) => input.length < 1000)
  return Array.from({ length: DAMAGED }, (_, index) => ({
    name: `damage ${index}`,
    bytes: mutate(random, corpus),
  }))
}

function unique(inputs: readonly Input[]): Input[] {
  return [...new Map(inputs.map((input) => [Buffer.from(input.bytes).toString('latin1'), input])).values()]
}
