/** Clients of HTTP/2: Node's own, and one that sends frames as they are given (RFC 9113 §4.1), the wrong ones too. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2'
import type { TestContext } from 'node:test'
import { join, type Peer, until } from './serving.ts'

/** What came back for one request. */
export interface StreamAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly trailers: IncomingHttpHeaders
  /** The interim answers. */
  readonly interim: readonly IncomingHttpHeaders[]
  /** The code of the reset, 0 where there was none. */
  readonly code: number
}

type Body = string | Uint8Array

/** Waits for what comes back on a stream, to its end, however it ends. */
export async function answerOf(stream: ClientHttp2Stream): Promise<StreamAnswer> {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const interim: IncomingHttpHeaders[] = []
  const chunks: Buffer[] = []
  stream.on('response', (fields) => {
    headers = fields
  })
  stream.on('headers', (fields) => interim.push(fields))
  stream.on('trailers', (fields) => {
    trailers = fields
  })
  stream.on('data', (chunk: Buffer) => chunks.push(chunk)).resume()
  stream.on('error', () => {})
  if (!stream.destroyed) await new Promise((resolve) => stream.once('close', resolve))
  const body = Buffer.concat(chunks).toString('latin1')
  return { status: Number(headers[':status'] ?? 0), headers, body, trailers, interim, code: stream.rstCode }
}

/** Node's client has a limit of 10 MB on what waits to be sent, too. */
const DEFAULTS = { rejectUnauthorized: false, maxSessionMemory: 1000 }

/** Node's client on one connection, which ends with the test. */
export class Http2Client {
  readonly session: ClientHttp2Session
  /** The code of the GOAWAY that has come. */
  goaway: number | undefined
  closed = false

  constructor(context: TestContext, port: number, options: SecureClientSessionOptions = {}, scheme = 'http') {
    const session = connect(`${scheme}://127.0.0.1:${port}`, { ...DEFAULTS, ...options })
    session.on('error', () => {})
    session.on('goaway', (code) => {
      this.goaway = code
    })
    session.on('close', () => {
      this.closed = true
    })
    context.after(() => session.destroy())
    this.session = session
  }

  /** Waits until the server's settings are there. */
  connected(): Promise<void> {
    return until(() => !this.session.connecting && this.session.remoteSettings.enableConnectProtocol === true)
  }

  /** Asks for a WebSocket (RFC 8441 §4). */
  async webSocket(headers: OutgoingHttpHeaders = {}): Promise<ClientHttp2Stream> {
    await this.connected()
    const pseudo = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/' }
    return this.open({ ...pseudo, 'sec-websocket-version': '13', ...headers })
  }

  /** Begins a request, with nothing behind its head unless `open`. */
  open(headers: OutgoingHttpHeaders, open = true): ClientHttp2Stream {
    const stream = this.session.request(headers, { endStream: !open })
    stream.on('error', () => {})
    return stream
  }

  get(path = '/', headers: OutgoingHttpHeaders = {}): Promise<StreamAnswer> {
    return this.send('GET', undefined, { ':path': path, ...headers })
  }

  post(body: Body, headers: OutgoingHttpHeaders = {}): Promise<StreamAnswer> {
    return this.send('POST', body, headers)
  }

  send(method: string, body: Body | undefined, headers: OutgoingHttpHeaders = {}): Promise<StreamAnswer> {
    const stream = this.open({ ':method': method, ':path': '/', ...headers }, body !== undefined)
    if (body !== undefined) stream.end(body)
    return answerOf(stream)
  }
}

// RFC 9113 §6
export const Frame = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const
export const END_STREAM = 0x1
export const END_HEADERS = 0x4

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export function http2Frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(9 + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  bytes.set(payload, 9)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** RFC 7541 §5.1, with a prefix of `bits` bits. */
export function integer(value: number, bits: number, first = 0): Buffer {
  const most = (1 << bits) - 1
  if (value < most) return Buffer.of(first | value)
  const bytes = [first | most]
  for (value -= most; value >= 128; value = Math.floor(value / 128)) bytes.push((value & 127) | 128)
  return Buffer.of(...bytes, value)
}

/** Fields without compression (RFC 7541 §6.2.2): nothing enters the table. */
export function literals(fields: Iterable<readonly [name: string, value: string]>): Buffer {
  const text = (value: string) => [integer(value.length, 7), Buffer.from(value, 'latin1')]
  return Buffer.concat([...fields].flatMap(([name, value]) => [Buffer.of(0), ...text(name), ...text(value)]))
}

/** The fields that every request has, and more. */
export function request(method: string, more: Readonly<Record<string, string>> = {}): Buffer {
  const fields = { ':method': method, ':scheme': 'http', ':path': '/', ':authority': 'a', ...more }
  return literals(Object.entries(fields))
}

export interface ReceivedFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** A connection on which frames are sent as they are given; the preface and empty SETTINGS are sent. */
export class FramePeer {
  readonly peer: Peer

  constructor(peer: Peer) {
    this.peer = peer
  }

  send(...frames: readonly Uint8Array[]): this {
    this.peer.send(Buffer.concat(frames))
    return this
  }

  /** All complete frames so far. */
  get frames(): ReceivedFrame[] {
    const bytes = this.peer.received
    const frames: ReceivedFrame[] = []
    for (let at = 0; at + 9 <= bytes.length; ) {
      const end = at + 9 + bytes.readUIntBE(at, 3)
      if (end > bytes.length) break
      const stream = bytes.readUInt32BE(at + 5)
      frames.push({
        type: bytes[at + 3]!,
        flags: bytes[at + 4]!,
        stream,
        payload: bytes.subarray(at + 9, end),
      })
      at = end
    }
    return frames
  }

  of(type: number): ReceivedFrame[] {
    return this.frames.filter((frame) => frame.type === type)
  }

  /** The code of the last GOAWAY. */
  get goaway(): number | undefined {
    return this.of(Frame.goaway).at(-1)?.payload.readUInt32BE(4)
  }

  /** The codes of the resets, by stream. */
  get resets(): Map<number, number> {
    return new Map(this.of(Frame.reset).map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]))
  }
}

export async function joinFrames(
  context: TestContext,
  port: number,
  settings?: Uint8Array,
): Promise<FramePeer> {
  const frames = new FramePeer(await join(context, port))
  return frames.send(PREFACE, http2Frame(Frame.settings, 0, 0, settings))
}
