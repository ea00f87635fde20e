import { PortmanteauError } from '../errors.ts'

/** How datagrams are taken. */
export interface UdpOptions {
  /** Senders that are known at one time; the newest is dropped. Default 1,024. */
  maxPeers?: number
  /** Milliseconds after which a quiet sender is no client any more. Default 60,000. */
  idleTimeout?: number
  /** How many bytes may be sent to an address that has proven nothing, for each that came from it. Default 3. */
  amplification?: number
}

/** Every option of datagrams, with its value. */
export type UdpSettings = Required<UdpOptions>

const DEFAULTS: UdpSettings = { maxPeers: 1_024, idleTimeout: 60_000, amplification: 3 }

/** Throws `ERR_OPTION` where an option is no possible value. */
export function resolveUdp(option: boolean | UdpOptions | undefined): UdpSettings | undefined {
  if (option === undefined || option === false) return undefined
  const settings = { ...DEFAULTS, ...(option === true ? {} : option) }
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && value > 0) continue
    throw new PortmanteauError(
      'ERR_OPTION',
      `Cannot use option udp.${name}: ${String(value)} is not a number above 0`,
    )
  }
  return settings
}
