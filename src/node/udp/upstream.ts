/** Datagrams of one sender passed on to another server, from a port of their own, and its answers back. */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { ForwardTarget } from '../door/forwarding.ts'
import type { DatagramDuplex } from './datagram-duplex.ts'

const LOCALHOST = '127.0.0.1'

/** Ends with the duplex, which an idle sender's is ended by its port. */
export function openUpstream(duplex: DatagramDuplex, { host = LOCALHOST, port }: ForwardTarget): void {
  const upstream = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  const waiting: Buffer[] = []
  let connected = false
  upstream.on('error', (error) => duplex.destroy(error))
  upstream.on('message', (bytes) => duplex.write(bytes))
  upstream.connect(port, host, () => {
    connected = true
    for (const datagram of waiting.splice(0)) upstream.send(datagram, ignore)
  })
  duplex.on('data', (datagram: Buffer) => {
    if (connected) upstream.send(datagram, ignore)
    else waiting.push(datagram)
  })
  duplex.on('close', () => upstream.close())
}

/** A datagram may be lost anywhere; a target that is gone is reported by the socket. */
function ignore(): void {}
