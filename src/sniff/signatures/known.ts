import type { Signature } from '../signature.ts'
import { dns } from './dns.ts'
import { http1, http2Preface } from './http.ts'
import { mqtt } from './mqtt.ts'
import { amqp, bittorrent, flashPolicy, redis, ssh } from './openings.ts'
import { postgresql } from './postgresql.ts'
import { proxyV1, proxyV2 } from './proxy.ts'
import { rdp } from './rdp.ts'
import { rtmp } from './rtmp.ts'
import { socks4, socks5 } from './socks.ts'
import { sslv2, tls } from './tls.ts'

/** What every server has, in order of precedence. */
export const signatures: readonly Signature[] = [tls, http1, http2Preface]

/**
 * All signatures, in order of precedence, and at which byte each matches. NO falls at the first byte that cannot be
 * the protocol's own. What is undecided at a FIN is raw. So it is at the deadline and at the limit, but for http1, which
 * claims what is a request line by then as far as it goes.
 *
 * | signature   | bytes  | what                                                                  |
 * |-------------|--------|-----------------------------------------------------------------------|
 * | tls         | 6      | record header and type of a ClientHello                               |
 * | sslv2       | 11     | SSL 2.0's ClientHello without its lists, to be refused                |
 * | proxyV1     | ≤ 107  | the line, its LF included                                             |
 * | proxyV2     | 16     | the fixed header                                                      |
 * | ssh         | 8, 9   | `SSH-2.0-`, `SSH-1.99-`                                               |
 * | amqp        | 8      | protocol header of 0-9-1, or 1.0 plain, TLS, SASL                     |
 * | redis       | 5–11   | the count of an array of bulk strings, and `$`                        |
 * | http1       | a line | the CR or LF of the request line; a method has at most 32 bytes       |
 * | http2       | 24     | the connection preface                                                |
 * | mqtt        | 9–14   | CONNECT, as far as the protocol level                                 |
 * | bittorrent  | 20     | name of the protocol                                                  |
 * | flashPolicy | 23     | the request, its NUL included                                         |
 * | postgresql  | 8      | length and code of the startup message, or of a request in its place   |
 * | rdp         | 11     | TPKT and X.224 Connection Request                                     |
 * | rtmp        | 9      | C0, and C1 as far as the zero                                         |
 * | socks4      | 9      | a request as far as the user id's first byte                          |
 * | socks5      | 3–12   | the list of methods                                                   |
 * | dns         | 15     | a query as far as the first label's length                            |
 *
 * The order decides where bytes can be two protocols at once, and an earlier one that is still possible makes a later one
 * that has matched wait. So the shorter goes first where two begin alike:
 *
 * - `SSH-2.0- / HTTP/1.1`, a request line by its form, is SSH, and `PROXY UNKNOWN HTTP/1.1` is a PROXY header. No page can
 *   make a browser send such a method to a server that has not allowed it (Fetch, "CORS-preflight fetch"), so nothing
 *   is kept from HTTP that HTTP must see.
 * - RTMP and SOCKS stand before DNS: a query of some lengths (768–1,023; 1,025 and 1,026; 1,281–1,290) can be both, and
 *   their clients must not wait for more bytes than they send.
 *
 * All other pairs that begin alike part before either matches: between them the order is nothing but a list's.
 *
 * Together they make 897 states and 450 KiB, in 10 to 30 ms (638 states and 140 KiB without rdp, whose length indicator
 * tells every byte from every other; 86 and 6 KiB are `signatures`). So a server compiles those that it has a use for.
 */
export const knownSignatures: readonly Signature[] = [
  tls,
  sslv2,
  proxyV1,
  proxyV2,
  ssh,
  amqp,
  redis,
  http1,
  http2Preface,
  mqtt,
  bittorrent,
  flashPolicy,
  postgresql,
  rdp,
  rtmp,
  socks4,
  socks5,
  dns,
]
