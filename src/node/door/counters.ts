/**
 * What happens at the door, counted, and published on channels of node:diagnostics_channel for whoever subscribes:
 *
 * | channel                | message                                                       |
 * |------------------------|---------------------------------------------------------------|
 * | `portmanteau:accepted` | `{ socket }`                                                  |
 * | `portmanteau:verdict`  | `{ socket, protocol, bytes, milliseconds }`                   |
 * | `portmanteau:dropped`  | `{ socket, reason }`: `limit`, `unknown`, `refused`           |
 * | `portmanteau:timeout`  | `{ socket }`: it has not shown its protocol in time           |
 */
import { channel } from 'node:diagnostics_channel'
import type { Duplex } from 'node:stream'

const accepted = channel('portmanteau:accepted')
const verdict = channel('portmanteau:verdict')
const dropped = channel('portmanteau:dropped')
const timeout = channel('portmanteau:timeout')

/** What `server.stats()` tells of the door. */
export interface DoorStats {
  /** Connections accepted since the start. */
  accepted: number
  /** Connections dropped because a limit on connections was reached. */
  dropped: number
  /** Connections closed because nothing here speaks their protocol, or it is refused. */
  refused: number
  /** Connections that had not shown their protocol at the deadline: silent ones, mostly. */
  timeouts: number
  /** Connections whose first bytes reached the limit undecided. */
  tooLarge: number
  /** How often each protocol was recognised: one that came over TLS counts as `tls` too. */
  verdicts: Record<string, number>
  /** Bytes looked at for all verdicts, and the time from accept (or the end of the TLS handshake) to each, in all. */
  verdictBytes: number
  verdictMilliseconds: number
}

export class DoorCounters {
  private accepted: number
  private dropped: number
  private refused: number
  private timedOut: number
  private tooLarge: number
  private readonly verdicts: Map<string, number>
  private bytes: number
  private milliseconds: number

  constructor() {
    this.accepted = 0
    this.dropped = 0
    this.refused = 0
    this.timedOut = 0
    this.tooLarge = 0
    this.verdicts = new Map()
    this.bytes = 0
    this.milliseconds = 0
  }

  countAccepted(socket: Duplex): void {
    this.accepted++
    if (accepted.hasSubscribers) accepted.publish({ socket })
  }

  /** A connection that net.Server has dropped already has no socket to show. */
  countDropped(socket: Duplex | undefined): void {
    this.dropped++
    if (dropped.hasSubscribers) dropped.publish({ socket, reason: 'limit' })
  }

  countRefused(socket: Duplex, reason: 'unknown' | 'refused'): void {
    this.refused++
    if (dropped.hasSubscribers) dropped.publish({ socket, reason })
  }

  countTimeout(socket: Duplex): void {
    this.timedOut++
    if (timeout.hasSubscribers) timeout.publish({ socket })
  }

  countTooLarge(): void {
    this.tooLarge++
  }

  countVerdict(socket: Duplex, protocol: string, bytes: number, milliseconds: number): void {
    this.verdicts.set(protocol, (this.verdicts.get(protocol) ?? 0) + 1)
    this.bytes += bytes
    this.milliseconds += milliseconds
    if (verdict.hasSubscribers) verdict.publish({ socket, protocol, bytes, milliseconds })
  }

  stats(): DoorStats {
    return {
      accepted: this.accepted,
      dropped: this.dropped,
      refused: this.refused,
      timeouts: this.timedOut,
      tooLarge: this.tooLarge,
      verdicts: Object.fromEntries(this.verdicts),
      verdictBytes: this.bytes,
      verdictMilliseconds: this.milliseconds,
    }
  }
}
