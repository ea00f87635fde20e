/** RFC 6455 frames for tests, written apart from the codec, so that one's mistake is not the other's. */
import assert from 'node:assert/strict'

// RFC 6455 §5.2
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface Frame {
  readonly opcode: number
  readonly fin: boolean
  /** RSV1 to RSV3 as a number, RSV1 the highest bit: 4, 2, 1. */
  readonly rsv: number
  readonly payload: Uint8Array
}

type Payload = string | Uint8Array

export function frame(opcode: number, payload: Payload = '', fin = true, rsv = 0): Frame {
  return { opcode, fin, rsv, payload: typeof payload === 'string' ? Buffer.from(payload) : payload }
}

export const text = (payload: Payload = '', fin = true): Frame => frame(Opcode.text, payload, fin)
export const binary = (payload: Payload = '', fin = true): Frame => frame(Opcode.binary, payload, fin)
export const more = (payload: Payload = '', fin = true): Frame => frame(Opcode.continuation, payload, fin)
export const ping = (payload: Payload = ''): Frame => frame(Opcode.ping, payload)
export const pong = (payload: Payload = ''): Frame => frame(Opcode.pong, payload)

/** A close frame; without a code its payload is empty. */
export function closing(code?: number, reason: Payload = ''): Frame {
  if (code === undefined) return frame(Opcode.close)
  return frame(
    Opcode.close,
    Buffer.concat([Uint8Array.of(code >> 8, code & 0xff), Buffer.from(reason as string)]),
  )
}

/** A message in frames of up to `size` bytes of payload each. */
export function fragments(opcode: number, payload: Uint8Array, size: number, rsv = 0): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at === 0 || at < payload.length; at += size) {
    const final = at + size >= payload.length
    const first = at === 0
    frames.push(frame(first ? opcode : 0, payload.subarray(at, at + size), final, first ? rsv : 0))
  }
  return frames
}

/** Bytes of a header as a client sends it. */
export function headerLength(payload: number): number {
  return payload < 126 ? 6 : payload < 0x10000 ? 8 : 14
}

/** A frame as a client sends it, masked with `key` (its first octet in the lowest byte); without one, as a server does. */
export function encode({ opcode, fin, rsv, payload }: Frame, key?: number): Buffer {
  const { length } = payload
  const lengthBytes = length < 126 ? 0 : length < 0x10000 ? 2 : 8
  const header = 2 + lengthBytes
  const bytes = Buffer.alloc(header + (key === undefined ? 0 : 4) + length)
  bytes[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  bytes[1] = (key === undefined ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127)
  if (lengthBytes === 2) bytes.writeUInt16BE(length, 2)
  if (lengthBytes === 8) bytes.writeBigUInt64BE(BigInt(length), 2)
  if (key === undefined) {
    bytes.set(payload, header)
    return bytes
  }
  bytes.writeUInt32LE(key >>> 0, header)
  const octets = [key & 0xff, (key >>> 8) & 0xff, (key >>> 16) & 0xff, key >>> 24]
  for (let at = 0, to = header + 4; at < length; at++, to++) bytes[to] = payload[at]! ^ octets[at & 3]!
  return bytes
}

/** Reads what a server sends; a frame that no server may send is an assertion's failure. */
export class FrameReader {
  readonly frames: Frame[] = []
  private pending: Buffer[] = []
  private length = 0
  private needed = 2

  push(chunk: Buffer): void {
    this.pending.push(chunk)
    this.length += chunk.length
    while (this.length >= this.needed) {
      const whole = this.pending.length === 1 ? this.pending[0]! : Buffer.concat(this.pending)
      this.pending = [whole]
      const header = readHeader(whole)
      this.needed = typeof header === 'number' ? header : header.start + header.length
      if (typeof header === 'number' || this.length < this.needed) continue
      this.take(whole, header)
    }
  }

  /** Whether a frame has begun that is not complete. */
  get inside(): boolean {
    return this.length > 0
  }

  get close(): Frame | undefined {
    return this.frames.find(({ opcode }) => opcode === Opcode.close)
  }

  private take(whole: Buffer, { start, length }: Header): void {
    const first = whole[0]!
    const payload = whole.subarray(start, start + length)
    this.frames.push({ opcode: first & 0xf, fin: first >= 0x80, rsv: (first >> 4) & 7, payload })
    this.pending = [whole.subarray(start + length)]
    this.length -= start + length
    this.needed = 2
  }
}

interface Header {
  readonly start: number
  readonly length: number
}

/** The header, or how many bytes it takes to read it. */
function readHeader(bytes: Buffer): Header | number {
  const second = bytes[1]!
  assert.equal(second & 0x80, 0, 'a server masks nothing (RFC 6455 §5.1)')
  const control = (bytes[0]! & 8) !== 0
  assert.ok(!control || (second <= 125 && bytes[0]! >= 0x80), 'a control frame is short and whole (§5.5)')
  if (second < 126) return { start: 2, length: second }
  const start = second === 126 ? 4 : 10
  if (bytes.length < start) return start
  const length = second === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  assert.ok(length > (second === 126 ? 125 : 0xffff), 'a length is in its shortest form (§5.2)')
  return { start, length }
}

/** The code of a close frame; 1005 when it has none (§7.1.5). */
export function closeCode({ payload }: Frame): number {
  return payload.length === 0 ? 1005 : (payload[0]! << 8) | payload[1]!
}

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
/** §1.3 */
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

/** An opening handshake; `fields` are lines with their ends. */
export function handshake(fields = '', version = '13', key = KEY): string {
  return (
    'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Version: ${version}\r\nSec-WebSocket-Key: ${key}\r\n${fields}\r\n`
  )
}
