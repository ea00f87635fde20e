/** The npm package faye-websocket, a client of version 13, with the npm package permessage-deflate. */
import type { TestContext } from 'node:test'
import faye from 'faye-websocket'
import deflate from 'permessage-deflate'
import { LocalPeer, type PeerAction, type PeerOptions } from './support/peer.ts'
import { type Connect, testClient } from './support/peer-cases.ts'

class FayePeer extends LocalPeer {
  readonly #socket: InstanceType<typeof faye.Client>

  constructor(t: TestContext, url: string, options: PeerOptions) {
    super()
    const socket = new faye.Client(url, options.protocols ?? [], {
      headers: options.origin === undefined ? {} : { Origin: options.origin },
      extensions: options.deflate ? [deflate] : [],
      tls: { rejectUnauthorized: false },
    })
    this.#socket = socket
    socket.on('open', () => {
      const extensions = socket.headers['sec-websocket-extensions']
      this.tell({ event: 'open', subprotocol: socket.protocol, extensions })
    })
    socket.on('message', ({ data }: { data: string | Buffer }) =>
      this.tell({ event: typeof data === 'string' ? 'text' : 'binary', data: Buffer.from(data as string) }),
    )
    socket.on('error', ({ message }: { message: string }) => this.tell({ event: 'error', message }))
    socket.on('close', ({ code, reason }: { code: number; reason: string }) => {
      if (code !== 1006) this.tell({ event: 'close', code, reason })
      this.tell({ event: 'end' })
    })
    t.after(() => socket.close())
  }

  override act(action: PeerAction): void {
    switch (action.do) {
      case 'text':
        return void this.#socket.send(String(action.data))
      case 'binary':
        return void this.#socket.send(action.data)
      case 'ping':
        return void this.#socket.ping(String(action.data), () =>
          this.tell({ event: 'pong', data: action.data }),
        )
      case 'fragments':
        throw new Error('Cannot send fragments: the client has none')
      case 'close':
        return this.#socket.close(action.code, action.reason)
    }
  }
}

const connect: Connect = async (t, url, _version, options) => {
  const peer = new FayePeer(t, url, options)
  await peer.sees('open')
  return peer
}

testClient('faye-websocket 0.11.4', '13', connect, {
  binary: true,
  ping: true,
  close: 'codes',
  tls: true,
  deflate: true,
  origin: true,
  protocols: true,
})
