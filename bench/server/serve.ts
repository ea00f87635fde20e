/** One server in a process of its own: `serve.ts CONTENDER BEHAVIOUR PATH`, where PATH is the built package or `ws`. */

import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import type { Behaviour, ServerRequest, Usage } from './protocol.ts'

interface WebSocket {
  on(event: string, listener: (data: Buffer, isBinary: boolean) => void): void
  send(data: Buffer, options: { binary: boolean }): void
}

interface WebSocketServer {
  readonly clients: Set<WebSocket>
  on(event: 'connection', listener: (socket: WebSocket) => void): void
  on(event: 'listening', listener: () => void): void
  address(): AddressInfo
}

const ignore = (): void => {}

async function portmanteau(path: string, behaviour: Behaviour): Promise<Server> {
  const { Server } = (await import(path)) as typeof import('../../src/index.ts')
  const server = new Server((message, socket, writer) => {
    if (behaviour === 'echo') writer.write(message)
    else server.broadcast(message, undefined, { binary: !socket.isText })
  })
  server.on('clientError', ignore)
  return server
}

async function ws(path: string, behaviour: Behaviour): Promise<WebSocketServer> {
  const { WebSocketServer } = ((await import(path)) as { default: never }).default as {
    WebSocketServer: new (options: object) => WebSocketServer
  }
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  server.on('connection', (socket) => {
    socket.on('error', ignore)
    socket.on('message', (data, isBinary) => {
      if (behaviour === 'echo') socket.send(data, { binary: isBinary })
      else for (const client of server.clients) client.send(data, { binary: isBinary })
    })
  })
  return server
}

function net(behaviour: Behaviour): Server {
  const clients = new Set<Socket>()
  return createServer({ noDelay: true }, (socket) => {
    clients.add(socket)
    socket.on('error', ignore)
    socket.on('close', () => clients.delete(socket))
    socket.on('data', (data) => {
      if (behaviour === 'echo') socket.write(data)
      else for (const client of clients) client.write(data)
    })
  })
}

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, rss: process.memoryUsage.rss() }
}

function onRequest(request: ServerRequest): void {
  if (request === 'collect garbage') for (let times = 0; times < 3; times++) globalThis.gc?.()
  process.send!(usage())
}

const [contender, behaviour, path] = process.argv.slice(2) as [string, Behaviour, string]
process.on('message', onRequest)
process.on('disconnect', () => process.exit())

if (contender === 'ws') {
  const server = await ws(path, behaviour)
  server.on('listening', () => process.send!({ port: server.address().port }))
} else {
  const server = contender === 'net' ? net(behaviour) : await portmanteau(path, behaviour)
  server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))
}
