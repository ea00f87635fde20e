/**
 * Finds a ClientHello in the first bytes of a TLS connection (RFC 8446 §5.1, §4).
 *
 *     [ record header → bytes of the message ]+        two layers, each cut wherever it likes
 *
 * A record header is 5 bytes; the message, 4 bytes of header and its body, may be cut over any number of records,
 * and a record over any number of packets. A hello that lies whole in one record and one chunk, as nearly
 * every one does, is read where it lies. Otherwise the message's bytes are gathered in a buffer that doubles as it
 * grows, and read when they are complete: a length alone allocates nothing.
 *
 * The contract:
 * - `push` returns the position up to which it has read: `end` while bytes are missing, the byte after the hello's
 *   record when it is complete, and the byte that cannot be when it fails. The same, however the bytes are cut;
 * - it never reads past that record, keeps nothing of what comes after, and consumes nothing once it has answered;
 * - the bytes are the host's: whoever shall speak TLS with the client is pushed all of them, from the first;
 * - it verifies no more than it must to be sure of what it tells: what a version or a suite means is TLS's own.
 *
 * Refused though one could read on: another record in between, an empty one (§5.1 forbids both), and bytes behind
 * the hello in its record, which nothing may follow before the server's answer (§5.1, RFC 5246 §7.3).
 */
import { ClientHello, uint16 } from './client-hello.ts'
import { readBody } from './client-hello-body.ts'
import { ClientHelloError, type ClientHelloErrorCode } from './client-hello-error.ts'

const RECORD_HEADER = 5
const MESSAGE_HEADER = 4
const HANDSHAKE = 22
const MAJOR = 3
/** RFC 8446 §5.1: legacy_record_version is to be ignored, but no minor version above TLS 1.3's was ever sent. */
const MAX_MINOR = 4
/** RFC 8446 §5.1: TLSPlaintext.length. */
const MAX_RECORD = 0x4000
const CLIENT_HELLO = 1

const FIRST_CAPACITY = 512
/** Below this many bytes a loop copies faster than the making of a view. */
const COPY_BY_LOOP = 48
const EMPTY = new Uint8Array(0)

/** What a ClientHello may be at most. */
export interface ClientHelloLimits {
  /** Bytes up to the end of the hello, record headers included; default 16,384. */
  bytes: number
  /** Extensions; default 128. */
  extensions: number
}

/**
 * Reads the ClientHello of one connection.
 *
 * @example
 * import { ClientHelloReader } from 'portmanteau/sniff'
 *
 * const reader = new ClientHelloReader()
 * reader.push(chunk, 0, chunk.length)
 * if (reader.hello !== null) route(reader.hello.serverName, reader.hello.protocols) // 'a.example', ['h2', 'http/1.1']
 * else if (reader.error !== null) refuse(reader.error.code)
 */
export class ClientHelloReader {
  /** Set when complete. */
  hello: ClientHello | null
  /** Set once; `push` then consumes nothing more. */
  error: ClientHelloError | null
  /** Bytes read so far, record headers included. */
  bytes: number
  private readonly limit: number
  private readonly maxExtensions: number
  /** Bytes of the record header that have come, 0 to 5. */
  private headerBytes: number
  /** Bytes of the record that are still to come. */
  private recordLeft: number
  /** Bytes of the message that have come, its header included, … */
  private held: number
  /** … and how many it has in all: that is known when its header has come. */
  private needed: number
  /** Bytes of its body. */
  private buffer: Uint8Array

  /** @param limits those that differ from the defaults */
  constructor(limits?: Partial<ClientHelloLimits>) {
    this.hello = null
    this.error = null
    this.bytes = 0
    this.limit = limits?.bytes ?? 16_384
    this.maxExtensions = limits?.extensions ?? 128
    this.headerBytes = 0
    this.recordLeft = 0
    this.held = 0
    this.needed = 0
    this.buffer = EMPTY
  }

  /** Reads `chunk` from `pos` up to `end`; see the contract above. */
  push(chunk: Uint8Array, pos: number, end: number): number {
    if (this.bytes === 0 && this.error === null) {
      const length = wholeLength(chunk, pos, end)
      if (length > 0 && length <= this.limit) {
        this.bytes = length
        this.finish(chunk, pos + RECORD_HEADER + MESSAGE_HEADER, length - RECORD_HEADER - MESSAGE_HEADER)
        return pos + length
      }
    }
    return this.readPieces(chunk, pos, end)
  }

  private readPieces(chunk: Uint8Array, pos: number, end: number): number {
    let p = pos
    while (p < end && this.hello === null && this.error === null) {
      if (this.headerBytes === RECORD_HEADER && this.held >= MESSAGE_HEADER) p = this.gather(chunk, p, end)
      else if (this.readHeaderByte(chunk[p]!)) p++
      else break
    }
    return p
  }

  /** One byte of a record's header or of the message's; false if it cannot be. */
  private readHeaderByte(byte: number): boolean {
    const isRecord = this.headerBytes < RECORD_HEADER
    const problem = isRecord ? this.checkRecordByte(byte) : this.checkMessageByte(byte)
    if (problem !== null) {
      this.error = problem
      return false
    }
    this.bytes++
    if (isRecord) this.headerBytes++
    else this.consume(1)
    if (this.held === MESSAGE_HEADER && this.needed === MESSAGE_HEADER) this.finish(EMPTY, 0, 0)
    return true
  }

  private checkRecordByte(byte: number): ClientHelloError | null {
    switch (this.headerBytes) {
      case 0:
        return byte === HANDSHAKE ? null : badRecord(`a record is of type ${byte}, and not 22`)
      case 1:
        return byte === MAJOR ? null : badRecord(`a record has the version ${byte}.x`)
      case 2:
        return byte <= MAX_MINOR ? null : badRecord(`a record has the version 3.${byte}`)
      case 3:
        this.recordLeft = byte << 8
        return null
      default:
        this.recordLeft |= byte
        if (this.recordLeft === 0) return badRecord('a record is empty')
        if (this.recordLeft > MAX_RECORD) {
          return refusal('ERR_CLIENT_HELLO_RECORD_TOO_LARGE', `a record has more than ${MAX_RECORD} bytes`)
        }
        return this.held < MESSAGE_HEADER ? null : this.checkLengths(0)
    }
  }

  private checkMessageByte(byte: number): ClientHelloError | null {
    if (this.held === 0) {
      return byte === CLIENT_HELLO
        ? null
        : refusal('ERR_CLIENT_HELLO_MESSAGE_INVALID', `its message type is ${byte}`)
    }
    // uint24
    this.needed = (this.needed << 8) | byte
    if (this.held + 1 < MESSAGE_HEADER) return null
    this.needed += MESSAGE_HEADER
    return this.checkLengths(1)
  }

  /** Both lengths are known now, `read` bytes of the record at hand included. */
  private checkLengths(read: number): ClientHelloError | null {
    const left = this.needed - this.held
    if (this.bytes + left + 1 - read > this.limit) {
      return refusal('ERR_CLIENT_HELLO_TOO_LARGE', `it has more than ${this.limit} bytes`)
    }
    return this.recordLeft <= left ? null : badRecord('bytes follow it in its record')
  }

  /** Bytes of the message have come. */
  private consume(count: number): void {
    this.held += count
    this.recordLeft -= count
    if (this.recordLeft === 0) this.headerBytes = 0
  }

  /** The record holds no byte but the message's: see checkLengths. */
  private gather(chunk: Uint8Array, pos: number, end: number): number {
    const count = Math.min(end - pos, this.recordLeft)
    const from = this.held - MESSAGE_HEADER
    if (from + count > this.buffer.length) this.grow(from + count)
    if (count > COPY_BY_LOOP) this.buffer.set(chunk.subarray(pos, pos + count), from)
    else for (let at = 0; at < count; at++) this.buffer[from + at] = chunk[pos + at]!
    this.bytes += count
    this.consume(count)
    if (this.held === this.needed) this.finish(this.buffer, 0, from + count)
    return pos + count
  }

  /** To twice what has come, and never beyond the message. */
  private grow(least: number): void {
    const capacity = Math.max(least * 2, FIRST_CAPACITY)
    const larger = new Uint8Array(Math.min(capacity, this.needed - MESSAGE_HEADER))
    larger.set(this.buffer)
    this.buffer = larger
  }

  private finish(bytes: Uint8Array, base: number, length: number): void {
    const hello = new ClientHello(bytes, base, length)
    this.error = readBody(hello, this.maxExtensions)
    if (this.error === null) this.hello = hello
    this.buffer = EMPTY
  }
}

/** The length of a record at `pos` that is there whole and holds one whole ClientHello and no more; otherwise 0. */
function wholeLength(chunk: Uint8Array, pos: number, end: number): number {
  if (end - pos < RECORD_HEADER + MESSAGE_HEADER) return 0
  if (chunk[pos] !== HANDSHAKE || chunk[pos + 1] !== MAJOR || chunk[pos + 2]! > MAX_MINOR) return 0
  const record = uint16(chunk, pos + 3)
  if (record > MAX_RECORD || end - pos < RECORD_HEADER + record) return 0
  if (chunk[pos + 5] !== CLIENT_HELLO) return 0
  const message = (chunk[pos + 6]! << 16) | uint16(chunk, pos + 7)
  return message + MESSAGE_HEADER === record ? RECORD_HEADER + record : 0
}

function badRecord(reason: string): ClientHelloError {
  return refusal('ERR_CLIENT_HELLO_RECORD_INVALID', reason)
}

function refusal(code: ClientHelloErrorCode, reason: string): ClientHelloError {
  return new ClientHelloError(code, reason)
}
