/** The npm package ws of 2018: versions 8 and 13, and a permessage-deflate of its own. */
import WebSocket from 'ws-1'
import { type Connect, testClient } from './support/peer-cases.ts'
import { WsPeer, wsOptions } from './support/ws-peer.ts'

class OldWsPeer extends WsPeer<WebSocket> {
  override negotiated(): { subprotocol: string | undefined; extensions: string } {
    const { protocol: subprotocol, extensions } = this.socket
    return { subprotocol, extensions: Object.keys(extensions).join(', ') }
  }

  override sendParts(parts: readonly string[]): void {
    let sent = 0
    this.socket.stream((error, send) => {
      if (error) throw error
      const part = parts[sent++]!
      send(part, sent === parts.length)
    })
  }
}

const connect: Connect = async (t, url, version, options) => {
  const peer = new OldWsPeer(t, new WebSocket(url, options.protocols ?? [], wsOptions(version, options)))
  await peer.sees('open')
  return peer
}

for (const version of ['8', '13']) {
  testClient('ws 1.1.5', version, connect, {
    binary: true,
    ping: true,
    fragments: true,
    close: 'codes',
    tls: true,
    deflate: true,
    origin: true,
    protocols: true,
  })
}
