import { defineSignature } from '../define-signature.ts'
import { MATCH, NO, type Signature, Verdict } from '../signature.ts'

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
export const http2Preface: Signature = defineSignature({
  name: 'http2',
  verdict: Verdict.http2,
  match: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
})
