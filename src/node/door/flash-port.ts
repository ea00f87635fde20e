/** A port of its own for Flash's policy, which asks on 843 first; there is nothing else there. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Deadlined, Deadlines } from '../limits/deadlines.ts'

export interface FlashPortOptions {
  readonly port: number
  readonly address: string
  readonly policy: Uint8Array
  /** Connections at one time. */
  readonly maxConnections: number
  /** Milliseconds from accept after which one is cut. */
  readonly timeout: number
  readonly deadlines: Deadlines
  /** Called where it cannot listen. */
  failed(error: Error): void
}

export class FlashPort {
  private readonly options: FlashPortOptions
  private readonly server: Server
  private readonly asking: Set<Asking>

  constructor(options: FlashPortOptions) {
    this.options = options
    this.asking = new Set()
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.answer(socket))
    if (options.maxConnections !== Number.POSITIVE_INFINITY)
      this.server.maxConnections = options.maxConnections
    this.server.on('error', options.failed)
    this.server.listen(options.port, options.address)
  }

  ref(): void {
    this.server.ref()
  }

  unref(): void {
    this.server.unref()
  }

  close(): void {
    this.server.close()
    for (const { socket } of this.asking) socket.destroy()
  }

  /** Whatever is asked: there is one answer. */
  private answer(socket: Socket): void {
    const { deadlines, timeout, policy } = this.options
    const asking = new Asking(socket, deadlines.after(timeout))
    this.asking.add(asking)
    deadlines.add(asking)
    socket.on('error', ignore)
    socket.on('close', () => {
      this.asking.delete(asking)
      deadlines.remove(asking)
    })
    socket.end(policy)
    socket.resume()
  }
}

/** Who resets the connection has his answer, or does not want it. */
function ignore(): void {}

class Asking implements Deadlined {
  readonly socket: Socket
  readonly deadline: number

  constructor(socket: Socket, deadline: number) {
    this.socket = socket
    this.deadline = deadline
  }

  expire(): void {
    this.socket.destroy()
  }
}
