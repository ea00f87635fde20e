/**
 * One WebSocket as a stream: what is written is a message a chunk, and so is what is read. Messages can be had in two ways:
 * each as a stream, by the event `message`; or whole, by reading from the socket (`pipe`, `'data'`, `for await`). Whoever
 * does both gets each message both ways. Until somebody does either they wait, and the client is not read from.
 */
import { Duplex, pipeline, type Readable } from 'node:stream'
import type { Client, Data, Writer } from '../../index.ts'
import { Broadcast, isData, Relay } from './broadcast.ts'
import { ignore, whenDrained } from './drain.ts'
import { Incoming } from './incoming.ts'
import { resolveSocketOptions, type SocketOptions, type SocketSettings } from './options.ts'
import { type Origin, takeAlone } from './wiring.ts'

type Done = (error?: Error | null) => void

interface Arriving {
  readonly message: Readable
  readonly isText: boolean
}

// RFC 6455 §7.4.1
const NORMAL_CLOSURE = 1000
const MESSAGE_TOO_BIG = 1009

export class Socket extends Duplex {
  /** Portmanteau's own, to be read from. */
  readonly client: Client
  /** Portmanteau's own, to write otherwise. */
  readonly writer: Writer
  private readonly origin: Origin
  private readonly settings: SocketSettings
  private readonly relays: Map<Broadcast, Relay>
  private readonly waiting: Arriving[]
  /** Whether the stream has room for one more message. */
  private wanted: boolean
  private gathering: boolean
  private paused: boolean
  private ending: boolean
  /** Why what was sent last cannot be sent to a client of its version. */
  private unsendable: Error | undefined

  /**
   * @param source a TCP socket, as `upgrade` of an HTTP server gives it, on which the handshake is over
   * @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value
   */
  constructor(source: Duplex, options?: SocketOptions)
  /** @internal */
  constructor(source: Origin, settings: SocketSettings)
  constructor(source: Duplex | Origin, options: SocketOptions | SocketSettings = {}) {
    super({ objectMode: true, readableHighWaterMark: 1, writableHighWaterMark: 1 })
    this.on('error', ignore)
    this.settings = 'textLimit' in options ? options : resolveSocketOptions(options)
    this.relays = new Map()
    this.waiting = []
    this.wanted = false
    this.gathering = false
    this.paused = false
    this.ending = false
    this.unsendable = undefined
    this.origin = source instanceof Duplex ? takeAlone(source, this) : source
    this.client = this.origin.client
    this.writer = this.origin.writer
    this.writer.on('ping', (payload: Buffer) => this.emit('ping', payload))
    this.on('newListener', (event) => {
      if (event === 'message') process.nextTick(() => this.advance())
    })
  }

  /** As of any stream; into a server, it goes to all its clients, and its end is not the server's. */
  override pipe<Target extends NodeJS.WritableStream>(target: Target, options?: { end?: boolean }): Target {
    if (!(target instanceof Broadcast)) return super.pipe(target, options)
    if (this.relays.has(target)) return target
    const relay = new Relay(target)
    this.relays.set(target, relay)
    super.pipe(relay)
    return target
  }

  override unpipe(target?: NodeJS.WritableStream): this {
    if (!(target instanceof Broadcast)) return super.unpipe(target)
    const relay = this.relays.get(target)
    this.relays.delete(target)
    return relay === undefined ? this : super.unpipe(relay)
  }

  override _read(): void {
    this.wanted = true
    this.advance()
  }

  override _write(message: Data, _encoding: BufferEncoding, done: Done): void {
    this.transmit(message, undefined, done)
  }

  override _final(done: Done): void {
    this.writer.close(NORMAL_CLOSURE)
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.writer.destroy()
    for (const { message } of this.waiting.splice(0)) message.destroy()
    done(error)
  }

  /** @internal Sends a message in one piece, and calls back when the client takes more. */
  transmit(message: Data, binary: boolean | undefined, done: Done): void {
    if (!isData(message)) return done(new TypeError('Cannot send the message: it is neither text nor bytes'))
    if (this.writer.ended) return done(new Error('Cannot send the message: the client is gone'))
    this.unsendable = undefined
    this.origin.core.send(this.client, message, binary === undefined ? {} : { binary })
    if (this.unsendable === undefined) whenDrained(this.writer, done)
    else done(this.unsendable)
  }

  /** @internal A message begins. */
  receive(message: Readable, isText: boolean): void {
    if (this.destroyed) return void message.destroy()
    this.waiting.push({ message, isText })
    this.advance()
  }

  /** @internal Something went wrong with the client; it is being ended, unless it only was not sent bytes that it cannot have. */
  fail(error: Error & { code?: string }): void {
    if (error.code === 'ERR_WS_BINARY_UNSUPPORTED') this.unsendable = error
    else this.emit('error', error)
  }

  /** @internal The client is gone. What has arrived is still there to be read. */
  leave(): void {
    this.ending = true
    if (!this.writableEnded) this.end()
    this.advance()
  }

  /** Whether anybody reads from the socket itself. */
  private get isRead(): boolean {
    return this.readableFlowing !== null || this.listenerCount('readable') > 0
  }

  private get isHeard(): boolean {
    return this.listenerCount('message') > 0
  }

  private advance(): void {
    while (this.waiting.length > 0 && !this.gathering) {
      if (this.isHeard && !this.isRead) this.tell(this.waiting.shift()!)
      else if (this.wanted) this.gather(this.waiting.shift()!)
      else break
    }
    if (this.waiting.length === 0 && !this.gathering && this.ending) this.finishReading()
    this.holdBack(this.waiting.length > 0)
  }

  /** What is sent behind messages that nobody takes stays where it is. */
  private holdBack(hold: boolean): void {
    // Anew for each: a message that is read has its client read from, too.
    if (hold) this.client.pause()
    else if (this.paused) this.client.resume()
    this.paused = hold
  }

  /** What a listener throws ends as anywhere in Node, but keeps no message behind this one from its own. */
  private tell({ message, isText }: Arriving): void {
    const incoming = new Incoming({ isText, highWaterMark: this.settings.highWaterMark })
    pipeline(message, incoming, ignore)
    try {
      this.emit('message', incoming)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }

  /** A message that is cut off half-way is none. */
  private gather(arriving: Arriving): void {
    const { message, isText } = arriving
    if (message.destroyed) return
    const limit = isText ? this.settings.textLimit : this.settings.binaryLimit
    const pieces: Buffer[] = []
    let length = 0
    let whole = false
    this.gathering = true
    if (this.isHeard) this.tell(arriving)
    message.on('data', (piece: Buffer) => {
      length += piece.length
      if (length <= limit) pieces.push(piece)
      else this.refuse(message, limit)
    })
    message.on('end', () => {
      whole = length <= limit
    })
    message.on('close', () => {
      this.gathering = false
      if (whole) this.pushWhole(Buffer.concat(pieces, length), isText)
      this.advance()
    })
  }

  private pushWhole(message: Buffer, isText: boolean): void {
    // Before `push`, which may ask for the next one.
    this.wanted = false
    this.push(isText ? message.toString() : message)
  }

  private refuse(message: Readable, limit: number): void {
    message.destroy()
    this.fail(new Error(`Cannot read the message: it is over ${limit} bytes`))
    this.writer.close(MESSAGE_TOO_BIG)
  }

  /** Who does not read from the socket hears of its end all the same. */
  private finishReading(): void {
    this.ending = false
    this.push(null)
    if (!this.isRead && this.readableLength === 0) this.resume()
  }
}
