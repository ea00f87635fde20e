/** How many connections there may be from one address. */
import type { Duplex } from 'node:stream'
import { bareAddress, type Endpoint } from '../endpoint.ts'

export class Admission {
  private readonly limit: number
  private readonly counts: Map<string, number>

  constructor(limit: number) {
    this.limit = limit
    this.counts = new Map()
  }

  /**
   * Whether one more may come from there; if so it is counted until its socket closes. Who has no address (a socket
   * of the file system, a connection that is reset already) is not counted.
   */
  admit(socket: Duplex, endpoint: Endpoint): boolean {
    // Without a limit nobody is asked: it costs a call of the system, and what it tells is kept.
    const address = this.limit === Number.POSITIVE_INFINITY ? undefined : endpoint.remoteAddress
    if (address === undefined) return true
    const from = bareAddress(address)
    const count = this.counts.get(from) ?? 0
    if (count >= this.limit) return false
    this.counts.set(from, count + 1)
    socket.once('close', () => this.forget(from))
    return true
  }

  private forget(from: string): void {
    const count = this.counts.get(from)! - 1
    if (count > 0) this.counts.set(from, count)
    else this.counts.delete(from)
  }
}
