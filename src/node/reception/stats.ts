import type { DoorStats } from '../door/counters.ts'
import type { UdpStats } from '../udp/udp-port.ts'

/** What `server.stats()` counts. */
export interface Stats extends DoorStats {
  /** Connections that have not shown their protocol. */
  sniffing: number
  /** Connections in a TLS handshake. */
  handshaking: number
  /** Connections that are open, but for those in a TLS handshake. */
  connections: number
  /** Connections that are passed on to another server. */
  forwarded: number
  clients: number
  /** With the option `udp`. */
  udp?: UdpStats
}
