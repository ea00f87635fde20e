/** What is refused by name instead of reaching the application as lines, why, and what the peer gets in its own language. */

/** RFC 8446 §6: a fatal handshake_failure alert in a TLS 1.0 record, which every version reads. */
export const TLS_REFUSAL: Buffer = Buffer.from('15030100020228', 'hex')

/** The same with protocol_version: for clients of TLS that begin in the language of SSL 2.0 (RFC 5246 §E.2). */
const VERSION_REFUSAL = Buffer.from('15030100020246', 'hex')

/** RFC 9113 §6.5, §6.8: an empty SETTINGS frame, and GOAWAY with HTTP_1_1_REQUIRED, … */
export const HTTP_1_1_REQUIRED: Buffer = goAway(0x0d)

/** … or with INADEQUATE_SECURITY. */
export const INADEQUATE_SECURITY: Buffer = goAway(0x0c)

function goAway(reason: number): Buffer {
  const settings = [0, 0, 0, 4, 0, 0, 0, 0, 0]
  const lastStream = [0, 0, 0, 0]
  return Buffer.from([...settings, 0, 0, 8, 7, 0, 0, 0, 0, 0, ...lastStream, 0, 0, 0, reason])
}

interface Refused {
  readonly code: string
  readonly message: string
  /** Without one the connection is cut. */
  readonly answer?: Buffer
}

const UNEXPECTED: Refused = {
  code: 'ERR_PROXY_UNEXPECTED',
  message:
    'Cannot accept the connection: it begins with a PROXY header, and is from no proxy, or has had one',
}

/** By the name of the signature. */
export const REFUSED: ReadonlyMap<string, Refused> = new Map([
  [
    'sslv2',
    {
      code: 'ERR_SSLV2',
      message: 'Cannot start TLS: the client begins with a hello of SSL 2.0',
      answer: VERSION_REFUSAL,
    },
  ],
  ['proxyV1', UNEXPECTED],
  ['proxyV2', UNEXPECTED],
])
