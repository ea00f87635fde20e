/** The npm package ws as a server of versions 8 and 13, for our client. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { selfSignedCertificate } from 'portmanteau'
import { type WebSocket, WebSocketServer } from 'ws'
import { type StartServer, testServer } from './support/server-cases.ts'

function serve(socket: WebSocket): void {
  socket.on('message', (data: Buffer, binary: boolean) => {
    const text = String(data)
    if (text === 'close me') socket.close(3001, 'as you like')
    else if (text === 'ping me') socket.ping('knock')
    else socket.send(data, { binary })
  })
  socket.on('pong', (data: Buffer) => socket.send(`pong: ${data}`))
  socket.on('error', () => {})
}

async function startServer(t: TestContext, encrypted: boolean): Promise<string> {
  const server = encrypted ? createHttpsServer(selfSignedCertificate()) : createHttpServer()
  const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } })
  sockets.on('connection', serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  return `${encrypted ? 'wss' : 'ws'}://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const plain: StartServer = (t) => startServer(t, false)
const secret: StartServer = (t) => startServer(t, true)
const ALL = { binary: true, ping: true, close: 'codes', deflate: true, subprotocol: 'chat.example' } as const

testServer('ws 8', '8', plain, ALL)
testServer('ws 8', '13', plain, ALL)
testServer('ws 8 by wss', '13', secret, ALL)
