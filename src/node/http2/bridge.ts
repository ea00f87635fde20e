/**
 * A request on HTTP/2 as a connection of HTTP/1.1 that only exists in memory: node:http reads the request from it and
 * writes the answer into it, so that an application gets the same objects as ever, whatever it does with them.
 */
import type { ServerHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'
import { AnswerHeadReader, BodyFraming, BodyReader, isBodyless, type RequestHead } from '../../http/index.ts'
import type { Endpoint } from '../endpoint.ts'
import { pairsOf, streamHeaders } from './head.ts'

type Done = (error?: Error | null) => void

const READING_HEAD = 0
const READING_BODY = 1
/** Up to the end of the connection. */
const READING_ALL = 2
const ENDED = 3

export class Bridge extends Duplex implements Endpoint {
  readonly httpVersion = '2.0'
  private readonly stream: ServerHttp2Stream
  private readonly endpoint: Endpoint
  private readonly isHead: boolean
  private readonly chunked: boolean
  private readonly head: AnswerHeadReader
  private readonly body: BodyReader
  private state: number
  private trailers: Record<string, string>
  private ready: boolean

  constructor(stream: ServerHttp2Stream, endpoint: Endpoint, request: RequestHead) {
    super()
    this.stream = stream
    this.endpoint = endpoint
    this.isHead = request.method === 'HEAD'
    this.chunked = request.framing === BodyFraming.chunked
    this.head = new AnswerHeadReader({ head: Number.POSITIVE_INFINITY, fields: MOST_FIELDS })
    this.body = new BodyReader(
      {
        bodyData: (chunk, start, end) => this.send(chunk, start, end),
        bodyEnd: () => {
          this.state = ENDED
        },
      },
      { body: Number.POSITIVE_INFINITY },
    )
    this.state = READING_HEAD
    this.trailers = {}
    this.ready = true
    this.listen()
  }

  get encrypted(): boolean {
    return this.endpoint.encrypted === true
  }

  get remoteAddress(): string | undefined {
    return this.endpoint.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.endpoint.remotePort
  }

  get remoteFamily(): string | undefined {
    return this.endpoint.remoteFamily
  }

  get localAddress(): string | undefined {
    return this.endpoint.localAddress
  }

  get localPort(): number | undefined {
    return this.endpoint.localPort
  }

  setTimeout(milliseconds: number, callback?: () => void): this {
    this.stream.setTimeout(milliseconds, callback)
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  override _read(): void {
    this.stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.ready = true
    this.answer(chunk)
    if (this.ready || this.stream.destroyed) done()
    else this.stream.once('drain', done)
  }

  override _final(done: Done): void {
    this.endAnswer()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!this.stream.writableEnded) this.stream.destroy()
    done(error)
  }

  private listen(): void {
    const { stream } = this
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(this.chunked ? chunkOf(chunk) : chunk)) stream.pause()
    })
    stream.on('trailers', (trailers: Record<string, string>) => {
      this.trailers = trailers
    })
    stream.on('end', () => {
      if (this.chunked) this.push(lastChunkOf(this.trailers))
    })
    stream.on('close', () => this.destroy())
  }

  private answer(chunk: Buffer): void {
    let pos = 0
    while (pos < chunk.length && this.state !== ENDED && !this.stream.destroyed) {
      if (this.state === READING_HEAD) pos = this.readHead(chunk, pos)
      else if (this.state === READING_BODY) pos = this.body.push(chunk, pos, chunk.length)
      else pos = this.readAll(chunk, pos)
      if (this.head.error !== null || this.body.error !== null) return void this.destroy()
    }
    if (this.state === ENDED) this.endAnswer()
  }

  private readHead(chunk: Buffer, pos: number): number {
    const { head } = this
    pos = head.push(chunk, pos, chunk.length)
    if (!head.complete) return pos
    const { status } = head
    const headers = streamHeaders(status, pairsOf(head.rawFields()))
    if (status < 200) {
      if (status !== 101) this.stream.additionalHeaders(headers)
      head.reset()
      return pos
    }
    const bodyless = this.isHead || isBodyless(status)
    this.respond(headers, bodyless)
    if (bodyless) this.state = ENDED
    else this.startBody()
    return pos
  }

  private startBody(): void {
    const { head, body } = this
    const length = head.field('content-length')
    this.state = READING_BODY
    if (head.field('transfer-encoding') === 'chunked') body.start(BodyFraming.chunked, 0)
    else if (length !== undefined) body.start(BodyFraming.length, Number(length))
    else this.state = READING_ALL
  }

  private respond(headers: ReturnType<typeof streamHeaders>, endStream: boolean): void {
    const { stream } = this
    const waitForTrailers = headers.trailer !== undefined && !endStream
    stream.respond(headers, { endStream, waitForTrailers })
    if (waitForTrailers) stream.once('wantTrailers', () => stream.sendTrailers(this.body.trailers()))
  }

  private readAll(chunk: Buffer, pos: number): number {
    this.send(chunk, pos, chunk.length)
    return chunk.length
  }

  private send(chunk: Uint8Array, start: number, end: number): void {
    if (!this.stream.write(chunk.subarray(start, end))) this.ready = false
  }

  private endAnswer(): void {
    if (!this.stream.writableEnded) this.stream.end()
  }
}

/** More than any application sets. */
const MOST_FIELDS = 10_000

const CRLF = Buffer.from('\r\n')

function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF])
}

function lastChunkOf(trailers: Record<string, string>): Buffer {
  const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`0\r\n${lines.join('')}\r\n`, 'latin1')
}
