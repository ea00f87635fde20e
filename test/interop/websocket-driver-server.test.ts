/** The npm package websocket-driver as a server of hixie-75, hixie-76 and 13, for our client. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import deflate from 'permessage-deflate'
import drivers from 'websocket-driver'
import { type StartServer, testServer } from './support/server-cases.ts'

function serve(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const driver = drivers.http(request, { protocols: ['chat.example'] })
  driver.addExtension(deflate)
  driver.io.write(head)
  socket.pipe(driver.io)
  driver.io.pipe(socket)
  socket.on('error', () => {})
  driver.on('error', () => {})
  // hixie-75 has no close but that of TCP, and the driver has no socket.
  driver.on('close', () => socket.end())
  socket.on('end', () => socket.end())
  driver.on('message', ({ data }: { data: string | Buffer }) => {
    if (data === 'close me') driver.close('as you like', 3001)
    else if (data === 'ping me') driver.ping('knock', () => driver.text('pong: knock'))
    else if (typeof data === 'string') driver.text(data)
    else driver.binary(data)
  })
  driver.start()
}

const start: StartServer = async (t) => {
  const server = createServer()
  const sockets = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.add(socket)
    serve(request, socket, head)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/any/path?query`
}

testServer('websocket-driver 0.7.4', 'hixie-75', start)
testServer('websocket-driver 0.7.4', 'hixie-76', start, { close: 'handshake' })
testServer('websocket-driver 0.7.4', '13', start, {
  binary: true,
  ping: true,
  close: 'codes',
  deflate: true,
  subprotocol: 'chat.example',
})
