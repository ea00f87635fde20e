/** Groups 12 and 13: permessage-deflate (RFC 7692) over data sets, message sizes, fragment sizes and parameters. */
import type { ServerOptions } from '../../../src/index.ts'
import { DATA_SETS, type DataSet } from '../compression-data.ts'

const KIB = 1024

/** Octets of a message, and of a fragment (0: in one frame). */
const SIZES: readonly (readonly [message: number, fragment: number])[] = [
  [16, 0],
  [64, 0],
  [256, 0],
  [KIB, 0],
  [4 * KIB, 0],
  [8 * KIB, 0],
  [16 * KIB, 0],
  [32 * KIB, 0],
  [64 * KIB, 0],
  [128 * KIB, 0],
  [8 * KIB, 256],
  [16 * KIB, 256],
  [32 * KIB, 256],
  [64 * KIB, 256],
  [128 * KIB, 256],
  [128 * KIB, KIB],
  [128 * KIB, 4 * KIB],
  [128 * KIB, 32 * KIB],
]

export type CompressionOptions = Exclude<ServerOptions['compression'], undefined>

export interface CompressionCase {
  readonly id: string
  readonly description: string
  /** The value of `Sec-WebSocket-Extensions`. */
  readonly offer: string
  readonly server: CompressionOptions
  readonly agreed: Agreed
  readonly data: DataSet
  readonly size: number
  readonly fragment: number
}

/** What the answer must say. */
export interface Agreed {
  readonly serverNoContextTakeover: boolean
  readonly clientNoContextTakeover: boolean
  readonly serverMaxWindowBits: number
  readonly clientMaxWindowBits: number
}

const NOTHING: Agreed = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
}

/** What every offer of the suite begins with: hints of what the client would accept (RFC 7692 §7.1). */
const DEFAULT_OFFER = 'permessage-deflate; client_no_context_takeover; client_max_window_bits'

const TAKEOVER = { takeover: true }

interface Variant {
  readonly offer: string
  readonly server: CompressionOptions
  readonly agreed: Agreed
}

const hinted = { ...NOTHING, clientNoContextTakeover: true }

/** Group 12: the server as it is by default, without takeover on either side. */
const DEFAULT: Variant = {
  offer: DEFAULT_OFFER,
  server: true,
  agreed: { ...hinted, serverNoContextTakeover: true },
}

const serverBits = (bits: number) => `${DEFAULT_OFFER}; server_max_window_bits=${bits}`
const withoutTakeover = (bits: number) =>
  `${DEFAULT_OFFER}; server_no_context_takeover; server_max_window_bits=${bits}`

/** Group 13: what the client asks of a server that would keep its context. */
const VARIANTS: readonly Variant[] = [
  { offer: DEFAULT_OFFER, server: TAKEOVER, agreed: hinted },
  {
    offer: `${DEFAULT_OFFER}; server_no_context_takeover`,
    server: TAKEOVER,
    agreed: { ...hinted, serverNoContextTakeover: true },
  },
  { offer: serverBits(8), server: TAKEOVER, agreed: { ...hinted, serverMaxWindowBits: 8 } },
  { offer: serverBits(15), server: TAKEOVER, agreed: hinted },
  {
    offer: withoutTakeover(8),
    server: TAKEOVER,
    agreed: { ...hinted, serverNoContextTakeover: true, serverMaxWindowBits: 8 },
  },
  { offer: withoutTakeover(15), server: TAKEOVER, agreed: { ...hinted, serverNoContextTakeover: true } },
  {
    offer: `${withoutTakeover(8)}, ${DEFAULT_OFFER}; server_no_context_takeover, ${DEFAULT_OFFER}`,
    server: TAKEOVER,
    agreed: { ...hinted, serverNoContextTakeover: true, serverMaxWindowBits: 8 },
  },
]

/** What the suite leaves out: takeover on the client's side too, and the client's window. */
const BEYOND: readonly Variant[] = [
  { offer: 'permessage-deflate', server: TAKEOVER, agreed: NOTHING },
  {
    offer: 'permessage-deflate; client_max_window_bits=10; server_max_window_bits=9',
    server: TAKEOVER,
    agreed: { ...NOTHING, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
  },
  {
    offer: 'permessage-deflate; client_max_window_bits',
    server: { ...TAKEOVER, peerWindowBits: 11, windowBits: 12 },
    agreed: { ...NOTHING, serverMaxWindowBits: 12, clientMaxWindowBits: 11 },
  },
]

function group(id: string, data: DataSet, variant: Variant): CompressionCase[] {
  return SIZES.map(([size, fragment], index) => ({
    id: `${id}.${index + 1}`,
    description: `${data.name} in messages of ${size} octets${fragment > 0 ? `, fragments of ${fragment}` : ''}`,
    ...variant,
    data,
    size,
    fragment,
  }))
}

const JSON_DATA = DATA_SETS.find(({ name }) => name === 'JSON')!

export const COMPRESSION_GROUPS = [
  {
    number: 12,
    name: 'compression of different data',
    count: 90,
    cases: DATA_SETS.flatMap((data, index) => group(`12.${index + 1}`, data, DEFAULT)),
  },
  {
    number: 13,
    name: 'compression with different parameters',
    count: 126,
    cases: VARIANTS.flatMap((variant, index) => group(`13.${index + 1}`, JSON_DATA, variant)),
  },
  {
    number: 14,
    name: 'beyond the suite: takeover by the client, its window',
    count: 54,
    cases: BEYOND.flatMap((variant, index) => group(`14.${index + 1}`, JSON_DATA, variant)),
  },
]
