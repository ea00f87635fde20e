/** A ClientHello in one record, made of lists: what a fingerprint is taken from. */
import { bytes } from './splits.ts'

export interface HelloLists {
  readonly version?: number
  readonly suites?: readonly number[]
  /** Their types; those whose list is given below have it, all others are empty. */
  readonly extensions?: readonly number[]
  readonly serverName?: string
  readonly protocols?: readonly string[]
  readonly versions?: readonly number[]
  readonly groups?: readonly number[]
  readonly pointFormats?: readonly number[]
  readonly signatureAlgorithms?: readonly number[]
}

export function hello(lists: HelloLists): Uint8Array {
  const extensions = (lists.extensions ?? []).flatMap((type) => [
    ...u16(type),
    ...sized(2, data(type, lists)),
  ])
  const body = [
    ...u16(lists.version ?? 0x0303),
    ...new Uint8Array(32),
    0,
    ...sized(2, (lists.suites ?? [0x1301]).flatMap(u16)),
    1,
    0,
    ...(lists.extensions === undefined ? [] : sized(2, extensions)),
  ]
  return Uint8Array.from([0x16, 3, 1, ...sized(2, [1, ...sized(3, body)])])
}

function data(type: number, lists: HelloLists): number[] {
  switch (type) {
    case 0:
      return sized(2, [0, ...sized(2, [...bytes(lists.serverName ?? 'a.example')])])
    case 10:
      return sized(2, (lists.groups ?? [0x1d]).flatMap(u16))
    case 11:
      return sized(1, [...(lists.pointFormats ?? [0])])
    case 13:
      return sized(2, (lists.signatureAlgorithms ?? [0x0403]).flatMap(u16))
    case 16:
      return sized(
        2,
        (lists.protocols ?? ['h2']).flatMap((name) => sized(1, [...bytes(name)])),
      )
    case 43:
      return sized(1, (lists.versions ?? [0x0304]).flatMap(u16))
    default:
      return []
  }
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff]
}

/** The bytes behind their length, which has `width` bytes. */
function sized(width: number, content: readonly number[]): number[] {
  const length = Array.from({ length: width }, (_, at) => (content.length >> (8 * (width - 1 - at))) & 0xff)
  return [...length, ...content]
}
