/**
 * What the fields of a complete request head mean for its framing and its connection. One pass finds the
 * few fields that matter, by length and then by their bytes; then the rules are applied, each once.
 */

import {
  BodyFraming,
  CLOSE,
  Codings,
  KEEP_ALIVE,
  readCodings,
  readConnection,
  readContentLength,
  UPGRADE,
} from '../body/framing.ts'
import { matchesFolded } from '../characters.ts'
import type { HttpErrorCode } from '../errors.ts'
import { isAuthority } from './authority.ts'
import type { FieldSection } from './fields.ts'
import type { RequestHead } from './request-head.ts'

type Meaning = Pick<
  RequestHead,
  'versionMinor' | 'keepAlive' | 'framing' | 'contentLength' | 'expectContinue' | 'upgrade'
>

/** The names that matter. No two have both their length and the lower five bits of their first letter in common. */
const HOST = 1
const CONNECTION = 2
const CONTENT_LENGTH = 3
const TRANSFER_ENCODING = 4
const UPGRADE_NAME = 5
const EXPECT = 6
const names = ['', 'host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'expect']
const LONGEST = 17

/** Which of them a name may be, by length and letter; 0 for none, which is what most names are. */
const candidates: Uint8Array = new Uint8Array((LONGEST + 1) << 5)
for (let name = HOST; name <= EXPECT; name++)
  candidates[(names[name]!.length << 5) | (names[name]!.charCodeAt(0) & 0x1f)] = name

/** Fills in what depends on the fields, from a settled section; false if the section has an error now. */
export function interpretFields(head: Meaning, section: FieldSection): boolean {
  const { bytes, base, spans } = section
  const fieldsEnd = section.fieldCount * 4
  let hosts = 0
  let lengths = 0
  let validHost = true
  let length = 0
  let codings: Codings = Codings.none
  let connection = 0
  let hasUpgrade = false
  let expects = false
  let unknownExpectation = false
  for (let at = 0; at < fieldsEnd; at += 4) {
    const from = base + spans[at]!
    const size = spans[at + 1]! - spans[at]!
    if (size > LONGEST) continue
    const name = candidates[(size << 5) | (bytes[from]! & 0x1f)]!
    if (name === 0 || !matchesFolded(bytes, from, names[name]!)) continue
    const start = base + spans[at + 2]!
    const end = base + spans[at + 3]!
    switch (name) {
      case HOST:
        hosts++
        validHost = isAuthority(bytes, start, end)
        break
      case CONNECTION:
        connection |= readConnection(bytes, start, end)
        break
      case CONTENT_LENGTH:
        lengths++
        length = readContentLength(bytes, start, end)
        break
      case TRANSFER_ENCODING:
        codings = readCodings(bytes, start, end, codings)
        break
      case UPGRADE_NAME:
        hasUpgrade = true
        break
      default:
        // A list of two is refused; so are two lines, which are one (RFC 9110 §5.3).
        if (expects || end - start !== 12 || !matchesFolded(bytes, start, '100-continue'))
          unknownExpectation = true
        expects = true
    }
  }
  head.keepAlive = (connection & CLOSE) === 0 && (head.versionMinor === 1 || (connection & KEEP_ALIVE) !== 0)
  head.upgrade = hasUpgrade && (connection & UPGRADE) !== 0
  if (!checkHost(section, head.versionMinor, hosts, validHost)) return false
  if (!checkFraming(section, head.versionMinor, lengths, length, codings)) return false
  if (codings !== Codings.none) head.framing = BodyFraming.chunked
  else if (lengths > 0) {
    head.framing = BodyFraming.length
    head.contentLength = length
  }
  // RFC 9110 §10.1.1: in HTTP/1.0 it MUST be ignored.
  if (!expects || head.versionMinor === 0) return true
  if (unknownExpectation)
    return refuse(section, 'ERR_HTTP_EXPECTATION_UNKNOWN', 'it expects what is not 100-continue')
  head.expectContinue = head.framing === BodyFraming.chunked || head.contentLength > 0
  return true
}

/** RFC 9112 §3.2: one valid Host; HTTP/1.0 may go without. */
function checkHost(section: FieldSection, minor: number, hosts: number, valid: boolean): boolean {
  if (hosts === 0) return minor === 0 || refuse(section, 'ERR_HTTP_HOST_MISSING', 'Host is missing')
  if (hosts > 1) return refuse(section, 'ERR_HTTP_HOST_REPEATED', 'Host is repeated')
  return valid || refuse(section, 'ERR_HTTP_HOST_INVALID', 'Host is not a host with an optional port')
}

/** RFC 9112 §6.1, §6.3. */
function checkFraming(
  section: FieldSection,
  minor: number,
  lengths: number,
  length: number,
  codings: Codings,
): boolean {
  if (codings !== Codings.none) {
    if (lengths > 0)
      return refuse(
        section,
        'ERR_HTTP_FRAMING_AMBIGUOUS',
        'Content-Length and Transfer-Encoding are both there',
      )
    if (minor === 0)
      return refuse(section, 'ERR_HTTP_TRANSFER_ENCODING_INVALID', 'HTTP/1.0 has no Transfer-Encoding')
    if (codings === Codings.unknownThenChunked)
      return refuse(
        section,
        'ERR_HTTP_TRANSFER_CODING_UNKNOWN',
        'a transfer coding other than chunked is used',
      )
    if (codings !== Codings.chunked)
      return refuse(section, 'ERR_HTTP_TRANSFER_ENCODING_INVALID', 'Transfer-Encoding is not chunked')
  }
  if (lengths > 1) return refuse(section, 'ERR_HTTP_CONTENT_LENGTH_REPEATED', 'Content-Length is repeated')
  if (lengths > 0 && length < 0)
    return refuse(section, 'ERR_HTTP_CONTENT_LENGTH_INVALID', 'Content-Length is not a decimal number')
  return true
}

function refuse(section: FieldSection, code: HttpErrorCode, reason: string): false {
  section.fail(code, reason)
  return false
}
