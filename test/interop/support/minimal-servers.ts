/** As much of some protocols as a client needs to be content: written from their specifications, for routes that take a socket. */
import { connect, type Socket } from 'node:net'
import { type SecureContextOptions, TLSSocket } from 'node:tls'

/** The bytes of a socket, as they are asked for; rejects when the client is gone before. */
class Bytes {
  readonly socket: Socket
  private held: Buffer
  private gone: boolean
  private wake: () => void

  constructor(socket: Socket) {
    this.socket = socket
    this.held = Buffer.alloc(0)
    this.gone = false
    this.wake = () => {}
    socket.on('data', this.add)
    for (const end of ['end', 'close']) socket.on(end, this.end)
  }

  private readonly add = (chunk: Buffer): void => {
    this.held = Buffer.concat([this.held, chunk])
    this.wake()
  }

  private readonly end = (): void => {
    this.gone = true
    this.wake()
  }

  async take(length: number): Promise<Buffer> {
    while (this.held.length < length) await this.more()
    const taken = this.held.subarray(0, length)
    this.held = this.held.subarray(length)
    return taken
  }

  async takeUntil(end: string): Promise<string> {
    while (!this.held.includes(end)) await this.more()
    const taken = await this.take(this.held.indexOf(end) + end.length)
    return taken.toString('latin1', 0, taken.length - end.length)
  }

  async takeByte(): Promise<number> {
    return (await this.take(1))[0]!
  }

  /** Leaves the socket, and what was not taken, to somebody else. */
  release(): Socket {
    this.socket.off('data', this.add).pause()
    if (this.held.length > 0) this.socket.unshift(this.held)
    return this.socket
  }

  private async more(): Promise<void> {
    if (this.gone) throw new Error('Cannot read on: the client is gone')
    await new Promise<void>((resolve) => {
      this.wake = resolve
    })
  }
}

/** Serves the socket until its client goes, whatever way it does. */
function served(serve: (bytes: Bytes, socket: Socket) => Promise<void>): (socket: Socket) => void {
  return (socket) => {
    socket.on('error', () => {})
    serve(new Bytes(socket), socket).catch(() => socket.end())
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

// PostgreSQL, "Frontend/Backend Protocol": message formats
const SSL_REQUEST = 80_877_103
const CANCEL_REQUEST = 80_877_102
const PROCESS = Buffer.from('0000002a00000539', 'hex')

/** Of no table; type 25 (text) of any length, without a modifier, as text. */
const TEXT_COLUMN = Buffer.from('000000000000' + '00000019' + 'ffff' + 'ffffffff' + '0000', 'hex')

export interface PostgresqlSeen {
  readonly queries: string[]
  encrypted: number
  canceled: number
}

/** Answers each query with one row of its own text; `wait` is only answered once it is canceled. */
export function postgresql(seen: PostgresqlSeen, tls: SecureContextOptions): (socket: Socket) => void {
  let cancel = (): void => {}
  const message = (type: string, ...parts: (string | Buffer)[]): Buffer => {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
    return Buffer.concat([Buffer.from(type), uint32(body.length + 4), body])
  }
  const start = async (bytes: Bytes): Promise<Bytes | undefined> => {
    const length = (await bytes.take(4)).readUInt32BE()
    const body = await bytes.take(length - 4)
    switch (body.readUInt32BE()) {
      case SSL_REQUEST: {
        seen.encrypted++
        bytes.socket.write('S')
        const secured = new TLSSocket(bytes.release(), { isServer: true, ...tls })
        secured.on('error', () => secured.destroy())
        return start(new Bytes(secured))
      }
      case CANCEL_REQUEST:
        seen.canceled++
        if (body.subarray(4).equals(PROCESS)) cancel()
        bytes.socket.end()
        return undefined
      default:
        return bytes
    }
  }
  const query = async (socket: Socket, text: string): Promise<void> => {
    if (text.startsWith('wait')) {
      await new Promise<void>((resolve) => {
        cancel = resolve
      })
      socket.write(message('E', 'SERROR\0C57014\0Mcanceled as you like\0\0'))
    } else {
      socket.write(message('T', Buffer.of(0, 1), 'text\0', TEXT_COLUMN))
      socket.write(message('D', Buffer.of(0, 1), uint32(Buffer.byteLength(text)), text))
      socket.write(message('C', 'SELECT 1\0'))
    }
    socket.write(message('Z', 'I'))
  }
  return served(async (plain) => {
    const bytes = await start(plain)
    if (bytes === undefined) return
    const { socket } = bytes
    socket.write(Buffer.concat([message('R', uint32(0)), message('K', PROCESS), message('Z', 'I')]))
    for (;;) {
      const type = (await bytes.take(1)).toString()
      const text = await bytes.take((await bytes.take(4)).readUInt32BE() - 4)
      if (type === 'X') return void socket.end()
      seen.queries.push(text.toString('utf8', 0, text.length - 1))
      await query(socket, seen.queries.at(-1)!)
    }
  })
}

/** RESP2: PING, ECHO, SET and GET. */
export function redis(values: Map<string, string>): (socket: Socket) => void {
  const bulk = (text: string | undefined): string =>
    text === undefined ? '$-1\r\n' : `$${Buffer.byteLength(text, 'latin1')}\r\n${text}\r\n`
  const answer = ([name, key = '', value = '']: readonly string[]): string => {
    switch (name?.toUpperCase()) {
      case 'PING':
        return '+PONG\r\n'
      case 'ECHO':
        return bulk(key)
      case 'GET':
        return bulk(values.get(key))
      case 'SET':
        values.set(key, value)
        return '+OK\r\n'
      default:
        return '-ERR unknown command\r\n'
    }
  }
  return served(async (bytes, socket) => {
    for (;;) {
      const line = await bytes.takeUntil('\r\n')
      if (line === '') continue
      const words: string[] = []
      for (let left = Number(line.slice(1)); left > 0; left--) {
        const length = Number((await bytes.takeUntil('\r\n')).slice(1))
        words.push((await bytes.take(length + 2)).toString('latin1', 0, length))
      }
      socket.write(Buffer.from(answer(words), 'latin1'))
    }
  })
}

// MQTT 3.1.1 §2.2.1, MQTT 5.0 §2.1.2: types of packets
const CONNECT = 1
const PUBLISH = 3
const DISCONNECT = 14

export interface Published {
  readonly level: number
  readonly topic: string
  readonly payload: string
}

/** Takes what is published, and acknowledges what asks for it. */
export function mqtt(published: Published[]): (socket: Socket) => void {
  const packet = async (bytes: Bytes): Promise<{ first: number; body: Buffer }> => {
    const first = await bytes.takeByte()
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = await bytes.takeByte()
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) return { first, body: await bytes.take(length) }
    }
  }
  return served(async (bytes, socket) => {
    let level = 0
    for (;;) {
      const { first, body } = await packet(bytes)
      switch (first >> 4) {
        case CONNECT: {
          level = body[2 + body.readUInt16BE()]!
          socket.write(Buffer.from(level === 5 ? '2003000000' : '20020000', 'hex'))
          break
        }
        case PUBLISH: {
          const end = 2 + body.readUInt16BE()
          const acknowledged = (first & 0x06) !== 0
          // Behind the properties of MQTT 5, of which mosquitto_pub sends none.
          const payload = body.toString('utf8', end + (acknowledged ? 2 : 0) + (level === 5 ? 1 : 0))
          published.push({ level, topic: body.toString('utf8', 2, end), payload })
          if (acknowledged) socket.write(Buffer.concat([Buffer.of(0x40, 2), body.subarray(end, end + 2)]))
          break
        }
        case DISCONNECT:
          return void socket.end()
      }
    }
  })
}

type Target = [host: string, port: number]

/** SOCKS 4a and 5 (RFC 1928) without a password: connects to wherever it is asked to. */
export function socks(targets: string[]): (socket: Socket) => void {
  return served(async (bytes) => {
    const version = await bytes.takeByte()
    const [host, port] = await (version === 4 ? takeRequest4 : takeRequest5)(bytes)
    targets.push(`socks${version} ${host}`)
    const upstream = connect({ host, port })
    const socket = bytes.release()
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    socket.write(Buffer.from(version === 4 ? '005a000000000000' : '05000001000000000000', 'hex'))
    socket.pipe(upstream).pipe(socket)
  })
}

async function takeRequest4(bytes: Bytes): Promise<Target> {
  await bytes.takeByte()
  const port = (await bytes.take(2)).readUInt16BE()
  const address = await bytes.take(4)
  await bytes.takeUntil('\0')
  return [address.readUInt32BE() < 256 ? await bytes.takeUntil('\0') : address.join('.'), port]
}

async function takeRequest5(bytes: Bytes): Promise<Target> {
  await bytes.take(await bytes.takeByte())
  bytes.socket.write(Buffer.of(5, 0))
  const type = (await bytes.take(4))[3]
  const host = type === 1 ? (await bytes.take(4)).join('.') : String(await bytes.take(await bytes.takeByte()))
  return [host, (await bytes.take(2)).readUInt16BE()]
}
