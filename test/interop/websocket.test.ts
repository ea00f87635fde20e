/** The npm package websocket (WebSocket-Node), a client of versions 8 and 13. It fragments by a threshold. */
import type { TestContext } from 'node:test'
import websocket, { type Connection, type Message } from 'websocket'
import { LocalPeer, type PeerAction, type PeerOptions } from './support/peer.ts'
import { type Connect, testClient } from './support/peer-cases.ts'

class WebSocketNodePeer extends LocalPeer {
  #connection: Connection | undefined

  constructor(t: TestContext, url: string, version: string, options: PeerOptions) {
    super()
    const client = new websocket.client({
      webSocketVersion: Number(version),
      maxReceivedFrameSize: 8 * 1024 * 1024,
      tlsOptions: { rejectUnauthorized: false },
      ...(options.inFragments ? { fragmentationThreshold: 4 } : {}),
    })
    client.on('connect', (connection: Connection) => this.#connected(connection))
    client.on('connectFailed', (error: unknown) => this.tell({ event: 'error', message: String(error) }))
    client.connect(url, options.protocols ?? [], options.origin)
    t.after(() => (this.#connection === undefined ? client.abort() : this.#connection.drop()))
  }

  #connected(connection: Connection): void {
    this.#connection = connection
    connection.on('message', ({ type, utf8Data, binaryData }: Message) =>
      this.tell(
        type === 'utf8'
          ? { event: 'text', data: Buffer.from(utf8Data) }
          : { event: 'binary', data: binaryData },
      ),
    )
    connection.on('pong', (data: Buffer) => this.tell({ event: 'pong', data }))
    connection.on('error', ({ message }: Error) => this.tell({ event: 'error', message }))
    connection.on('close', (code: number, reason: string) => {
      if (code !== 1006) this.tell({ event: 'close', code, reason })
      this.tell({ event: 'end' })
    })
    this.tell({ event: 'open', subprotocol: connection.protocol })
  }

  override act(action: PeerAction): void {
    switch (action.do) {
      case 'text':
        return this.#connection?.sendUTF(String(action.data))
      case 'binary':
        return this.#connection?.sendBytes(action.data)
      case 'ping':
        return this.#connection?.ping(action.data)
      case 'fragments':
        return this.#connection?.sendUTF(String(Buffer.concat(action.parts)))
      case 'close':
        return this.#connection?.close(action.code, action.reason)
    }
  }
}

const connect: Connect = async (t, url, version, options) => {
  const peer = new WebSocketNodePeer(t, url, version, options)
  await peer.sees('open')
  return peer
}

for (const version of ['8', '13']) {
  testClient('websocket 1.0.35', version, connect, {
    binary: true,
    ping: true,
    fragments: true,
    close: 'codes',
    tls: true,
    origin: true,
    protocols: true,
  })
}
