/** What listens beside the port of the server: datagrams on the same number, and Flash's policy on its own. */
import type { AddressInfo } from 'node:net'
import { FlashPort } from '../door/flash-port.ts'
import type { Host } from '../host.ts'
import { UdpPort, type UdpStats } from '../udp/udp-port.ts'

export class SidePorts {
  private readonly host: Host
  private readonly failed: (error: Error) => void
  private udp: UdpPort | undefined
  private flash: FlashPort | undefined
  private referenced: boolean

  /** `failed` is called where one cannot be opened. */
  constructor(host: Host, failed: (error: Error) => void) {
    this.host = host
    this.failed = failed
    this.udp = undefined
    this.flash = undefined
    this.referenced = true
  }

  open(at: AddressInfo): void {
    const { udp, flashPolicyPort } = this.host.settings
    if (udp !== undefined) this.udp = new UdpPort(this.host, udp, at, this.failed)
    if (flashPolicyPort !== undefined) this.flash = this.openFlash(flashPolicyPort, at)
    if (!this.referenced) this.unref()
  }

  close(): void {
    this.udp?.close()
    this.flash?.close()
    this.udp = undefined
    this.flash = undefined
  }

  ref(): void {
    this.referenced = true
    this.udp?.ref()
    this.flash?.ref()
  }

  unref(): void {
    this.referenced = false
    this.udp?.unref()
    this.flash?.unref()
  }

  stats(): UdpStats | undefined {
    return this.udp?.stats()
  }

  private openFlash(port: number, { port: served, address }: AddressInfo): FlashPort {
    const { settings, door, deadlines } = this.host
    return new FlashPort({
      port,
      address,
      policy: door.flashPolicy(served),
      maxConnections: settings.maxSniffing,
      timeout: settings.sniffTimeout,
      deadlines,
      failed: this.failed,
    })
  }
}
