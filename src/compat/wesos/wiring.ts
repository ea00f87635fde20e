/** From portmanteau's events to those of sockets. */
import type { Duplex, Readable } from 'node:stream'
import { type Client, Server, type ServerOptions, type Writer } from '../../index.ts'
import type { Socket } from './socket.ts'

/** A client with its writer. */
export interface Origin {
  readonly core: Server<Readable>
  readonly client: Client
  readonly writer: Writer
}

/** The sockets of a server, by the ids of their clients. */
export type Sockets = Map<string, Socket>

/** A server whose messages go to the sockets. */
export function createCore(options: ServerOptions, sockets: Sockets): Server<Readable> {
  const core = new Server<Readable>({ allowOrigin: '*', ...options, stream: true })
  core.on('message', (message, { id, isText }) => sockets.get(id)?.receive(message, isText))
  core.on('clientError', (error, client) => sockets.get((client as Client).id)?.fail(error))
  core.on('clientDisconnect', ({ id }) => {
    const socket = sockets.get(id)
    sockets.delete(id)
    socket?.leave()
  })
  return core
}

const alone: Sockets = new Map()
let core: Server<Readable> | undefined

/** Takes a stream whose handshake is over for a socket that no server of wesos has. */
export function takeAlone(stream: Duplex, socket: Socket): Origin {
  core ??= createCore({}, alone)
  const taker = core
  let origin: Origin | undefined
  taker.once('clientConnect', (client, writer) => {
    alone.set(client.id, socket)
    origin = { core: taker, client, writer }
  })
  taker.handleWebSocket(stream)
  return origin!
}
