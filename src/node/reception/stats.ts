import type { DoorStats } from '../door/counters.ts'
import type { UdpStats } from '../udp/udp-port.ts'

/**
 * What `server.stats()` counts, at this moment (`sniffing` to `clients`, `udp.peers`) or since the start.
 *
 * @example
 * setInterval(() => {
 *   const { connections, clients, dropped, verdicts } = server.stats()
 *   console.log(connections, clients, dropped, verdicts) // 12 10 0 { http1: 9, raw: 4 }
 * }, 10_000)
 */
export interface Stats extends DoorStats {
  /** Connections that have not shown their protocol. */
  sniffing: number
  /** Connections in a TLS handshake. */
  handshaking: number
  /**
   * Sockets that are open, whoever reads them, but for those in a TLS handshake: those that were accepted, and those that came by
   * `attach`, `handleUpgrade` or `handleWebSocket`. Requests and WebSockets on HTTP/2 count as the one connection that they are on.
   */
  connections: number
  /** Connections that are passed on to another server. */
  forwarded: number
  /** As `server.clients` has them. */
  clients: number
  /** With the option `udp`. */
  udp?: UdpStats
}
