/**
 * Version 2 of the header (§2.2): 16 fixed bytes, and a block of as many as they say.
 *
 *     signature (12), version and command (1), family and transport (1), length (2),
 *     source and destination: addresses, then ports; then TLVs to the end of the block
 *
 * Where the header does not tell addresses that can be used, the block is not looked into (§2.2): neither for
 * LOCAL, whose family is to be ignored too, nor for the family UNSPEC, of which nobody knows how long its
 * addresses are.
 */
import { formatAddress } from '../address.ts'
import { FIXED_LENGTH, type ProxyEndpoint, type ProxyHeader, type ProxyTlvs } from './proxy-header.ts'
import { readTlvs } from './proxy-header-tlvs.ts'

const LOCAL = 0x20
const UNSPECIFIED = 0x00
const VERSION_AND_COMMAND = 12
const FAMILY_AND_TRANSPORT = 13

interface Layout {
  readonly family: ProxyHeader['family']
  readonly transport: ProxyHeader['transport']
  /** Bytes of one address, and of both with their ports. */
  readonly address: number
  readonly length: number
}

/** §2.2: by the 14th byte. What is not here is to be refused. */
const LAYOUTS: ReadonlyMap<number, Layout> = new Map([
  [UNSPECIFIED, { family: 'unspecified', transport: 'unspecified', address: 0, length: 0 }],
  [0x11, { family: 'IPv4', transport: 'stream', address: 4, length: 12 }],
  [0x12, { family: 'IPv4', transport: 'datagram', address: 4, length: 12 }],
  [0x21, { family: 'IPv6', transport: 'stream', address: 16, length: 36 }],
  [0x22, { family: 'IPv6', transport: 'datagram', address: 16, length: 36 }],
  [0x31, { family: 'unix', transport: 'stream', address: 108, length: 216 }],
  [0x32, { family: 'unix', transport: 'datagram', address: 108, length: 216 }],
])

/** How many bytes the addresses of a family byte take, or -1 if there is no such family. */
export function addressesLength(family: number): number {
  return LAYOUTS.get(family)?.length ?? -1
}

/** Whether a command byte is LOCAL. */
export function isLocal(command: number): boolean {
  return command === LOCAL
}

/**
 * Reads the whole header, which lies from 0 to `end`; its fixed bytes have been checked.
 *
 * @throws {ProxyHeaderError}
 */
export function readBlock(bytes: Uint8Array, end: number, maxTlvs: number): ProxyHeader {
  const layout = LAYOUTS.get(bytes[FAMILY_AND_TRANSPORT]!)
  if (layout === undefined || isLocal(bytes[VERSION_AND_COMMAND]!)) return withoutAddresses('LOCAL')
  if (layout.length === 0) return withoutAddresses('PROXY')
  const tlvs: ProxyTlvs = readTlvs(bytes, FIXED_LENGTH + layout.length, end, maxTlvs)
  const isInternet = layout.family !== 'unix'
  return {
    version: 2,
    command: 'PROXY',
    family: layout.family,
    transport: layout.transport,
    source: isInternet ? endpoint(bytes, layout, 0) : null,
    destination: isInternet ? endpoint(bytes, layout, 1) : null,
    tlvs,
  }
}

function withoutAddresses(command: ProxyHeader['command']): ProxyHeader {
  const nobody = { family: 'unspecified', transport: 'unspecified', source: null, destination: null } as const
  return { version: 2, command, ...nobody, tlvs: {} }
}

/** The source is number 0, the destination number 1. */
function endpoint(bytes: Uint8Array, { address }: Layout, number: 0 | 1): ProxyEndpoint {
  const port = FIXED_LENGTH + 2 * address + 2 * number
  return {
    address: formatAddress(bytes, FIXED_LENGTH + number * address, address),
    port: (bytes[port]! << 8) | bytes[port + 1]!,
  }
}
