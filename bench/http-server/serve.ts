/** One server in a process of its own: `serve.ts CONTENDER PATH`, where PATH is the built package. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Usage } from '../server/protocol.ts'

/** Answers GET with these bytes, and POST with what it was sent. */
const HELLO = 'Hello, client!'

async function portmanteau(path: string, certificate: object): Promise<Server> {
  const { Server } = (await import(path)) as typeof import('../../src/index.ts')
  return new Server(
    (message, _socket, writer) => {
      writer.write(message.length === 0 ? HELLO : message)
    },
    { isMessage: () => true, ...certificate },
  )
}

function respond(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') answer(response, Buffer.from(HELLO))
  else echo(request, response)
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => answer(response, Buffer.concat(pieces)))
}

function answer(response: ServerResponse, body: Buffer): void {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Content-Length', body.length)
  response.end(body)
}

/** The most that a server in Node can reach: it only counts bytes, and sends the same answer for each request's length. */
function net(requestLength: number): Server {
  const answers = new Map<number, Buffer>()
  const one = Buffer.from(
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n' +
      `Date: ${new Date().toUTCString()}\r\nContent-Length: ${HELLO.length}\r\n\r\n${HELLO}`,
  )
  return createServer({ noDelay: true }, (socket) => {
    let waiting = 0
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const count = Math.floor((waiting += data.length) / requestLength)
      waiting -= count * requestLength
      let bytes = answers.get(count)
      if (bytes === undefined) {
        bytes = Buffer.concat(Array.from({ length: count }, () => one))
        answers.set(count, bytes)
      }
      if (count > 0) socket.write(bytes)
    })
  })
}

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, rss: process.memoryUsage.rss() }
}

async function start(contender: string, argument: string): Promise<Server> {
  if (contender === 'net') return net(Number(argument))
  const certificate = contender.endsWith(' TLS') ? await makeCertificate(argument) : {}
  if (contender === 'node:http') return createHttpServer(respond)
  if (contender === 'node:https TLS') return createHttpsServer(certificate, respond)
  return portmanteau(argument, certificate)
}

async function makeCertificate(path: string): Promise<object> {
  const { selfSignedCertificate } = (await import(path)) as typeof import('../../src/index.ts')
  const { key, cert } = selfSignedCertificate()
  return { key, cert }
}

const [contender, argument, port] = process.argv.slice(2) as [string, string, string]
process.on('message', () => process.send!(usage()))
process.on('disconnect', () => process.exit())
const server = await start(contender, argument)
server.on('clientError', () => {})
server.listen(Number(port), '127.0.0.1', () =>
  process.send!({ port: (server.address() as AddressInfo).port }),
)
