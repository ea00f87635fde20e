import { MATCH, NO, pattern, type Signature, Verdict } from './signature.ts'

/**
 * The signatures that every server has, and at which byte each decides:
 *
 * | signature    | match                            | no                                                 |
 * |--------------|----------------------------------|----------------------------------------------------|
 * | tls          | the 6th byte                     | the first byte that differs                        |
 * | http1        | the CR or LF of the request line | the first byte no request line has; 33rd of method |
 * | http2Preface | the 24th byte                    | the first byte that differs                        |
 */

/*
 * TLS: a record header (RFC 8446 §5.1) and the type of the handshake message in it.
 *
 *   ContentType handshake(22); legacy_record_version 0x0300–0x0304; length 1..2^14; client_hello(1)
 *
 * Six bytes, and not the eleven of a strict check (handshake length, legacy_version): a hello may be cut
 * over several records (§5.1), the first as short as one byte, so that bytes 7 to 11 may be another record's
 * header; and a hello that goes wrong after its sixth byte is owed TLS's own alert (§6.2), not a line of raw bytes.
 */
const TLS_TYPE = 0
const TLS_MAJOR = 1
const TLS_MINOR = 2
const TLS_LENGTH_HIGH = 3
const TLS_LENGTH_LOW = 4
const TLS_LENGTH_LOW_NOT_00 = 5 // after 00: §5.1 forbids a zero-length handshake fragment
const TLS_LENGTH_LOW_00 = 6 // after 40: §5.1 forbids more than 2^14
const TLS_HANDSHAKE = 7

/** TLS, by the record header and the ClientHello's type: decides within 6 bytes (RFC 8446 §5.1, §4). */
export const tls: Signature = { name: 'tls', verdict: Verdict.tls, step: stepTls }

function stepTls(state: number, byte: number): number {
  switch (state) {
    case TLS_TYPE:
      return byte === 0x16 ? TLS_MAJOR : NO
    case TLS_MAJOR:
      return byte === 0x03 ? TLS_MINOR : NO
    case TLS_MINOR:
      return byte <= 0x04 ? TLS_LENGTH_HIGH : NO
    case TLS_LENGTH_HIGH:
      if (byte === 0x00) return TLS_LENGTH_LOW_NOT_00
      if (byte === 0x40) return TLS_LENGTH_LOW_00
      return byte < 0x40 ? TLS_LENGTH_LOW : NO
    case TLS_LENGTH_LOW:
      return TLS_HANDSHAKE
    case TLS_LENGTH_LOW_NOT_00:
      return byte !== 0x00 ? TLS_HANDSHAKE : NO
    case TLS_LENGTH_LOW_00:
      return byte === 0x00 ? TLS_HANDSHAKE : NO
    default: // TLS_HANDSHAKE
      return byte === 0x01 ? MATCH : NO
  }
}

/*
 * HTTP/1: the request line (RFC 9112 §3), after at most one empty line (§2.2).
 *
 *   [ CRLF ] 1*32 tchar SP request-target SP "HTTP/1." ( "0" / "1" ) ( CR / LF )
 *
 * Wider than the grammar where a line would otherwise be raw though it looks like a request line: such a
 * line belongs to HTTP, which answers 400. A browser can be made to send a line to any port; none may be a
 * message there.
 * - CR or LF decides, not CRLF: a bare LF, and a CR with no LF after it, go to HTTP.
 * - A target may hold bytes from 0x80 up.
 * - A target that begins with '/' may hold spaces: a version is looked for after each of them.
 * Narrower: the version is HTTP/1.0 or HTTP/1.1 (§2.3: its name is case-sensitive), so that RTSP/1.0, ICE/1.0
 * and HTTP/2.0 are not HTTP/1; and a method of more than 32 bytes is none.
 */
const METHOD_LIMIT = 32
const VERSION = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e] // HTTP/1.
const VERSION_MINOR = VERSION.length
const VERSION_END = VERSION.length + 1

const LINE = 0
const EMPTY_LINE_CR = 1
const EMPTY_LINE = 2
const METHOD = 3 // METHOD + n: n + 1 bytes of it read
const TARGET = METHOD + METHOD_LIMIT
const OTHER = TARGET + 1 // in a target that does not begin with '/'
const OTHER_VERSION = OTHER + 1 // OTHER_VERSION + n: n bytes of the version read
const PATH = OTHER_VERSION + VERSION_END + 1 // in a target that begins with '/'
const PATH_VERSION = PATH + 1

/**
 * HTTP/1.0 and HTTP/1.1, by the whole request line (RFC 9112 §3). From the space after the method on, what
 * reaches the limit is HTTP (and its 414). What has begun like a browser's request, `method SP "/"`, is HTTP
 * at the deadline (and its 408).
 */
export const http1: Signature = {
  name: 'http1',
  verdict: Verdict.http1,
  step: stepRequestLine,
  atLimit: (state) => state >= TARGET,
  atDeadline: (state) => state >= PATH,
}

function stepRequestLine(state: number, byte: number): number {
  if (state >= PATH_VERSION) return stepPathVersion(state - PATH_VERSION, byte)
  if (state === PATH) return stepPath(byte)
  if (state >= OTHER_VERSION) return stepOtherVersion(state - OTHER_VERSION, byte)
  if (state >= METHOD && state < TARGET) return stepMethod(state, byte)
  switch (state) {
    case LINE:
      if (byte === 0x0d) return EMPTY_LINE_CR
      return isTchar(byte) ? METHOD : NO
    case EMPTY_LINE_CR:
      return byte === 0x0a ? EMPTY_LINE : NO
    case EMPTY_LINE:
      return isTchar(byte) ? METHOD : NO
    case TARGET:
      if (byte === 0x2f) return PATH
      return isTargetByte(byte) ? OTHER : NO
    default: // OTHER
      if (byte === 0x20) return OTHER_VERSION
      return isTargetByte(byte) ? OTHER : NO
  }
}

function stepMethod(state: number, byte: number): number {
  if (byte === 0x20) return TARGET
  return isTchar(byte) && state + 1 < TARGET ? state + 1 : NO
}

function stepOtherVersion(read: number, byte: number): number {
  if (!fitsVersion(read, byte)) return NO
  return read === VERSION_END ? MATCH : OTHER_VERSION + read + 1
}

function stepPath(byte: number): number {
  if (byte === 0x20) return PATH_VERSION
  return isTargetByte(byte) ? PATH : NO
}

function stepPathVersion(read: number, byte: number): number {
  if (!fitsVersion(read, byte)) return stepPath(byte) // no version after all: the target goes on
  return read === VERSION_END ? MATCH : PATH_VERSION + read + 1
}

/** Whether this byte goes on with `HTTP/1.0` or `HTTP/1.1` and the line's end, after `read` bytes of it. */
function fitsVersion(read: number, byte: number): boolean {
  if (read === VERSION_END) return byte === 0x0d || byte === 0x0a
  if (read === VERSION_MINOR) return byte === 0x30 || byte === 0x31
  return byte === VERSION[read]
}

/** Neither a space nor a control (RFC 9112 §3.2), with obs-text let through. */
function isTargetByte(byte: number): boolean {
  return byte > 0x20 && byte !== 0x7f
}

/** tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA (RFC 9110 §5.6.2). */
function isTchar(byte: number): boolean {
  if (byte >= 0x5e && byte <= 0x7a) return true // ^ _ ` a-z
  if (byte >= 0x41 && byte <= 0x5a) return true // A-Z
  if (byte >= 0x30 && byte <= 0x39) return true // 0-9
  if (byte >= 0x23 && byte <= 0x27) return true // # $ % & '
  return (
    byte === 0x21 ||
    byte === 0x2a ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x7c ||
    byte === 0x7e
  )
}

/** HTTP/2 with prior knowledge, by the client's connection preface of 24 bytes (RFC 9113 §3.4). */
export const http2Preface: Signature = pattern('http2', Verdict.http2, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** In order of precedence. */
export const signatures: readonly Signature[] = [tls, http1, http2Preface]
