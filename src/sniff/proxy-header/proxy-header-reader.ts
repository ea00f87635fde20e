/**
 * The PROXY protocol (haproxy.org, doc/proxy-protocol.txt): who is really there, in front of everything else.
 *
 *     START → LINE → LINE_LF          version 1, a line of at most 107 bytes
 *     START → FIXED → BLOCK           version 2, 16 bytes and a block of as many as they say
 *
 * Whether there is a header is decided by the configuration and never by its bytes (§2): who accepts it from
 * anybody lets anybody be whoever he likes.
 *
 * The contract:
 * - `push` returns the position up to which it has read: `end` while bytes are missing, the byte after the header
 *   when it is complete, and the byte that cannot be when it fails at one. The same, however the bytes are cut;
 * - it fails at the first byte that no header has (§2.1: as soon as possible); what can only be known of the whole is
 *   checked when it is there. Nothing is told before all of it is right;
 * - it keeps a copy of the header until then, which grows as its bytes come, and consumes nothing once it has answered.
 */
import { FIXED_LENGTH, type ProxyHeader, SIGNATURE } from './proxy-header.ts'
import { addressesLength, isLocal, readBlock } from './proxy-header-block.ts'
import { ProxyHeaderError, unreadable } from './proxy-header-error.ts'
import { readLine } from './proxy-header-line.ts'

const START = 0
const LINE = 1
const LINE_LF = 2
const FIXED = 3
const BLOCK = 4
const CLOSED = 5

const CR = 0x0d
const LF = 0x0a
const PREFIX = 'PROXY '
/** §2.1: with its CRLF. */
const MAX_LINE = 107
const VERSION = 2

const FIRST_CAPACITY = 128
const EMPTY = new Uint8Array(0)

/** What a header of version 2 may have at most; one of version 1 never has more than 107 bytes. */
export interface ProxyHeaderLimits {
  /** Bytes behind the 16 fixed ones; default 4,096. */
  length: number
  /** TLVs, those inside of `ssl` included; default 64. */
  tlvs: number
}

/**
 * Reads the PROXY header of one connection, version 1 or 2.
 *
 * @example
 * import { ProxyHeaderReader } from 'portmanteau/sniff'
 *
 * const reader = new ProxyHeaderReader()
 * const bytes = Uint8Array.from('PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET', (c) => c.charCodeAt(0))
 * const pos = reader.push(bytes, 0, bytes.length) // 42: what follows is the client's
 * reader.header?.source // { address: '192.0.2.1', port: 56324 }
 */
export class ProxyHeaderReader {
  /** Set when complete. */
  header: ProxyHeader | null
  /** Set once; `push` then consumes nothing more. */
  error: ProxyHeaderError | null
  /** Bytes read so far. */
  bytes: number
  private readonly maxLength: number
  private readonly maxTlvs: number
  private state: number
  /** All of the header, once that is known. */
  private needed: number
  private buffer: Uint8Array

  /** @param limits those that differ from the defaults */
  constructor(limits?: Partial<ProxyHeaderLimits>) {
    this.header = null
    this.error = null
    this.bytes = 0
    this.maxLength = limits?.length ?? 4096
    this.maxTlvs = limits?.tlvs ?? 64
    this.state = START
    this.needed = FIXED_LENGTH
    this.buffer = EMPTY
  }

  /** Reads `chunk` from `pos` up to `end`; see the contract above. */
  push(chunk: Uint8Array, pos: number, end: number): number {
    let p = pos
    while (p < end && this.state !== CLOSED) {
      if (this.state === BLOCK) p = this.gather(chunk, p, end)
      else if (this.readByte(chunk[p]!)) p++
      else break
    }
    return p
  }

  /** False if the byte cannot be. */
  private readByte(byte: number): boolean {
    this.error = this.step(byte)
    if (this.error !== null) {
      this.close()
      return false
    }
    if (this.bytes === this.buffer.length) this.grow(this.bytes + 1)
    this.buffer[this.bytes++] = byte
    if (this.state === CLOSED) this.finish(() => readLine(this.buffer, PREFIX.length, this.bytes - 2))
    else if (this.state === BLOCK && this.bytes === this.needed) this.finishBlock()
    return true
  }

  /** What is wrong with the byte, or the next state. */
  private step(byte: number): ProxyHeaderError | null {
    switch (this.state) {
      case START:
        this.state = byte === SIGNATURE[0] ? FIXED : LINE
        return this.step(byte)
      case LINE:
        return this.stepLine(byte)
      case LINE_LF:
        if (byte !== LF) return unreadable('ERR_PROXY_LINE_INVALID', 'a CR in its line is not followed by LF')
        this.state = CLOSED
        return null
      default:
        return this.stepFixed(byte)
    }
  }

  private stepLine(byte: number): ProxyHeaderError | null {
    if (this.bytes < PREFIX.length) return byte === PREFIX.charCodeAt(this.bytes) ? null : noHeader()
    if (byte === CR) {
      this.state = LINE_LF
      return null
    }
    // A CR and an LF are still to come.
    if (this.bytes + 3 > MAX_LINE) {
      return unreadable('ERR_PROXY_LINE_TOO_LONG', `its line has more than ${MAX_LINE} bytes`)
    }
    if (byte >= 0x20 && byte < 0x7f) return null
    return unreadable('ERR_PROXY_LINE_INVALID', 'its line holds what is not printable US-ASCII')
  }

  private stepFixed(byte: number): ProxyHeaderError | null {
    if (this.bytes < SIGNATURE.length) return byte === SIGNATURE[this.bytes] ? null : noHeader()
    const command = this.buffer[12]!
    switch (this.bytes) {
      case 12:
        if (byte >> 4 !== VERSION)
          return unreadable('ERR_PROXY_VERSION_INVALID', `its version is ${byte >> 4}`)
        if ((byte & 0x0f) <= 1) return null
        return unreadable('ERR_PROXY_COMMAND_INVALID', `its command is ${byte & 0x0f}`)
      case 13:
        if (isLocal(command) || addressesLength(byte) >= 0) return null
        return unreadable('ERR_PROXY_FAMILY_INVALID', `its family and transport are ${byte}`)
      case 14:
        return null
      default:
        this.state = BLOCK
        return this.checkLength(command, (this.buffer[14]! << 8) | byte)
    }
  }

  private checkLength(command: number, length: number): ProxyHeaderError | null {
    this.needed = FIXED_LENGTH + length
    if (length > this.maxLength) {
      return unreadable('ERR_PROXY_TOO_LARGE', `its length is above ${this.maxLength}`)
    }
    if (isLocal(command) || length >= addressesLength(this.buffer[13]!)) return null
    return unreadable('ERR_PROXY_LENGTH_INVALID', `its length is ${length}, and its addresses are longer`)
  }

  private gather(chunk: Uint8Array, pos: number, end: number): number {
    const count = Math.min(end - pos, this.needed - this.bytes)
    if (this.bytes + count > this.buffer.length) this.grow(this.bytes + count)
    this.buffer.set(chunk.subarray(pos, pos + count), this.bytes)
    this.bytes += count
    if (this.bytes === this.needed) this.finishBlock()
    return pos + count
  }

  private grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, this.buffer.length * 2, FIRST_CAPACITY))
    larger.set(this.buffer)
    this.buffer = larger
  }

  private finishBlock(): void {
    this.finish(() => readBlock(this.buffer, this.needed, this.maxTlvs))
  }

  private finish(read: () => ProxyHeader): void {
    try {
      this.header = read()
    } catch (error) {
      if (!(error instanceof ProxyHeaderError)) throw error
      this.error = error
    }
    this.close()
  }

  private close(): void {
    this.state = CLOSED
    this.buffer = EMPTY
  }
}

function noHeader(): ProxyHeaderError {
  return unreadable('ERR_PROXY_SIGNATURE_INVALID', 'it begins with something else')
}
