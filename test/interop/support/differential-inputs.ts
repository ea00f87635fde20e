/** What the servers are compared by: every vector's bytes, each rule of the grammar broken in turn, and damage at random. */
import { mutate, Random } from '../../support/random.ts'
import { bytes } from '../../support/splits.ts'
import { bytesOf, readVectorFolder } from '../../support/vectors.ts'
import {
  AFTER_DATA,
  CODINGS,
  CONNECTIONS,
  ENDS,
  EXPECTS,
  EXTENSIONS,
  HOSTS,
  LENGTHS,
  LINE_ENDS,
  METHODS,
  SIZES,
  SPACES,
  TARGETS,
  VERSIONS,
} from './differential-values.ts'

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
