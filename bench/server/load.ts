/**
 * The clients, in a process of their own. They cost little: frames are built once, and what comes back is only counted,
 * in bytes, over one buffer for all connections.
 */
import { connect, type Socket } from 'node:net'
import { encodeFrame, frameHeaderLength } from '../../src/ws-codec/index.ts'
import type { Behaviour, LoadAnswer, LoadRequest } from './protocol.ts'

const BINARY = 2
const KEY = 0x5a3c17d2
const AT_ONCE = 100
const HEAD =
  'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const HEAD_END = '\r\n\r\n'

const received = Buffer.allocUnsafe(256 * 1024)

interface Connection {
  readonly socket: Socket
  /** Bytes that came, of replies that are not whole. */
  bytes: number
}

interface Group {
  readonly connections: Connection[]
  /** So many messages as may be in flight, one after the other. */
  readonly frames: Buffer
  readonly frameLength: number
  readonly replyLength: number
  onBytes: (connection: Connection) => void
}

const MOST_IN_FLIGHT = 64
const groups = new Map<string, Group>()
const nothing = (): void => {}

async function open(request: LoadRequest & { kind: 'connect' }): Promise<number> {
  const { name, port, connections, webSocket, bytes } = request
  const replyLength = frameHeaderLength(bytes, false) + bytes
  const payload = Buffer.alloc(bytes, 'Hello, server! ')
  const frame = webSocket ? encodeFrame(BINARY, true, payload, 0, bytes, KEY) : Buffer.alloc(replyLength, 'x')
  const frames = Buffer.concat(Array.from({ length: MOST_IN_FLIGHT }, () => frame))
  const group: Group = {
    connections: [],
    frames,
    frameLength: frame.length,
    replyLength,
    onBytes: nothing,
  }
  groups.set(name, group)
  while (group.connections.length < connections) {
    const count = Math.min(AT_ONCE, connections - group.connections.length)
    const opened = Array.from({ length: count }, () => openOne(group, port, webSocket))
    group.connections.push(...(await Promise.all(opened)))
  }
  return connections
}

function openOne(group: Group, port: number, webSocket: boolean): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let head = webSocket ? '' : HEAD_END
    const callback = (length: number): boolean => {
      if (head.endsWith(HEAD_END)) {
        connection.bytes += length
        group.onBytes(connection)
        return true
      }
      head += received.toString('latin1', 0, length)
      if (!head.endsWith(HEAD_END)) return true
      if (head.startsWith('HTTP/1.1 101')) resolve(connection)
      else reject(new Error(`Cannot measure: the server answered ${head}`))
      return true
    }
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: received, callback },
    })
    const connection: Connection = { socket, bytes: 0 }
    socket.once('error', reject)
    socket.once('connect', () => {
      if (webSocket) socket.write(HEAD)
      else resolve(connection)
    })
  })
}

/** As many messages as are answered in the time; none is in flight any more when it ends. */
function echo(group: Group, inFlight: number, milliseconds: number): Promise<number> {
  const { connections, frames, frameLength, replyLength } = group
  const until = performance.now() + milliseconds
  return new Promise((resolve) => {
    let open = connections.length * inFlight
    let messages = 0
    group.onBytes = (connection) => {
      const replies = Math.floor(connection.bytes / replyLength)
      if (replies === 0) return
      connection.bytes -= replies * replyLength
      messages += replies
      if (performance.now() < until) connection.socket.write(frames.subarray(0, replies * frameLength))
      else if ((open -= replies) === 0) resolve(messages)
    }
    for (const { socket } of connections) socket.write(frames.subarray(0, inFlight * frameLength))
  })
}

/** The first client sends, and sends again when all have got it. */
function broadcast(group: Group, milliseconds: number): Promise<number> {
  const { connections, frames, frameLength, replyLength } = group
  const until = performance.now() + milliseconds
  const sender = connections[0]!.socket
  return new Promise((resolve) => {
    let missing = 0
    let messages = 0
    const send = (): void => {
      missing = connections.length * replyLength
      messages += connections.length
      sender.write(frames.subarray(0, frameLength))
    }
    group.onBytes = (connection) => {
      missing -= connection.bytes
      connection.bytes = 0
      if (missing > 0) return
      if (performance.now() < until) send()
      else resolve(messages)
    }
    send()
  })
}

function run(group: Group, behaviour: Behaviour, inFlight: number, milliseconds: number): Promise<number> {
  return behaviour === 'echo' ? echo(group, inFlight, milliseconds) : broadcast(group, milliseconds)
}

async function close(name: string): Promise<number> {
  const { connections } = groups.get(name)!
  groups.delete(name)
  const closed = connections.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)))
  // A reset leaves no address behind that is not to be used for a minute.
  for (const { socket } of connections) socket.on('error', nothing).resetAndDestroy()
  await Promise.all(closed)
  return connections.length
}

function handle(request: LoadRequest): Promise<number> {
  if (request.kind === 'connect') return open(request)
  if (request.kind === 'disconnect') return close(request.name)
  return run(groups.get(request.name)!, request.behaviour, request.inFlight, request.milliseconds)
}

function answer(reply: LoadAnswer): void {
  process.send!(reply)
}

process.on('disconnect', () => process.exit())
process.on('message', (request: LoadRequest) => {
  handle(request).then(
    (messages) => answer({ messages }),
    (error: Error) => answer({ messages: 0, error: error.message }),
  )
})
process.send!('ready')
