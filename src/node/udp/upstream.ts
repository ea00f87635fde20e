/** Datagrams of one sender passed on to another server, from a port of their own, and its answers back. */
import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns'
import type { ForwardTarget } from '../door/forwarding.ts'
import type { DatagramDuplex } from './datagram-duplex.ts'

/** Datagrams that wait until the target is known; beyond, they are dropped. */
const WAITING = 64

/** Ends with the duplex, which an idle sender's is ended by its port; fails it where the target cannot be reached. */
export function openUpstream(duplex: DatagramDuplex, { host = 'localhost', port }: ForwardTarget): void {
  const waiting: Buffer[] = []
  let upstream: Socket | undefined
  duplex.on('data', (datagram: Buffer) => {
    if (upstream !== undefined) upstream.send(datagram, ignore)
    else if (waiting.length < WAITING) waiting.push(datagram)
  })
  lookup(host, (failed, address, family) => {
    if (failed !== null) return void duplex.destroy(failed)
    if (duplex.destroyed) return
    const socket = open(duplex, family === 6 ? 'udp6' : 'udp4')
    socket.connect(port, address, (refused?: Error) => {
      if (refused !== undefined) return void duplex.destroy(refused)
      upstream = socket
      for (const datagram of waiting.splice(0)) socket.send(datagram, ignore)
    })
  })
}

function open(duplex: DatagramDuplex, type: 'udp4' | 'udp6'): Socket {
  const socket = createSocket(type)
  // It is the port of the server that keeps the process.
  socket.unref()
  socket.on('error', (error) => duplex.destroy(error))
  socket.on('message', (bytes) => {
    if (duplex.writable) duplex.write(bytes)
  })
  duplex.on('close', () => socket.close())
  return socket
}

/** A datagram may be lost anywhere; a target that is gone is reported by the socket. */
function ignore(): void {}
