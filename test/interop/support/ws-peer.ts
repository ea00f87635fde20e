import type { EventEmitter } from 'node:events'
import type { TestContext } from 'node:test'
import { LocalPeer, type PeerAction, type PeerOptions } from './peer.ts'

/** What all releases of the npm package ws have in common. */
export interface WsSocket extends EventEmitter {
  send(data: string | Uint8Array): void
  ping(data?: string): void
  close(code?: number, reason?: string): void
  terminate(): void
}

/** The options of both releases for those of a peer. */
export function wsOptions(version: string, options: PeerOptions) {
  const { origin, deflate = false } = options
  return {
    protocolVersion: Number(version),
    perMessageDeflate: deflate,
    rejectUnauthorized: false,
    ...(origin === undefined ? {} : { origin }),
  }
}

/** A client of the npm package ws, of either release. */
export abstract class WsPeer<Socket extends WsSocket> extends LocalPeer {
  readonly socket: Socket

  constructor(t: TestContext, socket: Socket) {
    super()
    this.socket = socket
    socket.on('open', () => this.tell({ event: 'open', ...this.negotiated() }))
    socket.on('message', (data: string | Buffer, flags: boolean | { binary?: boolean }) => {
      const binary = typeof flags === 'boolean' ? flags : flags.binary
      this.tell({ event: binary ? 'binary' : 'text', data: Buffer.from(data as string) })
    })
    socket.on('pong', (data: Buffer) => this.tell({ event: 'pong', data }))
    socket.on('error', ({ message }: Error) => this.tell({ event: 'error', message }))
    socket.on('close', (code: number, reason: string | Buffer) => {
      if (code !== 1006) this.tell({ event: 'close', code, reason: String(reason) })
      this.tell({ event: 'end' })
    })
    t.after(() => socket.terminate())
  }

  abstract negotiated(): { subprotocol: string | undefined; extensions: string }
  abstract sendParts(parts: readonly string[]): void

  override act(action: PeerAction): void {
    switch (action.do) {
      case 'text':
        return this.socket.send(String(action.data))
      case 'binary':
        return this.socket.send(action.data)
      case 'ping':
        return this.socket.ping(String(action.data))
      case 'fragments':
        return this.sendParts(action.parts.map(String))
      case 'close':
        return this.socket.close(action.code, action.reason)
    }
  }
}
