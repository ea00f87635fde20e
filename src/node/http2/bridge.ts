/**
 * A request on HTTP/2 as a connection of HTTP/1.1 that only exists in memory: node:http reads the request from it and
 * writes the answer into it, so that an application gets the same objects as ever, whatever it does with them.
 *
 * READING_HEAD → (1xx → READING_HEAD) → READING_BODY or READING_ALL → ENDED. What is written after the end is ignored; what
 * ends before it resets the stream, so that no part of an answer passes for the whole.
 */
import type { X509Certificate } from 'node:crypto'
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'
import { AnswerHeadReader, BodyFraming, BodyReader, type RequestHead } from '../../http/index.ts'
import type { Endpoint } from '../endpoint.ts'
import { hasNoBody } from './channel.ts'
import { pairsOf, streamHeaders } from './head.ts'
import { breakOff, dropRequest } from './reset.ts'

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
  private readonly closeTimeout: number
  private readonly isHead: boolean
  private readonly chunked: boolean
  private readonly head: AnswerHeadReader
  private readonly body: BodyReader
  private state: number
  /** The trailers of the request, as lines. */
  private trailers: string
  private ready: boolean

  /** @param closeTimeout how long what comes of a request behind its answer is dropped, in milliseconds */
  constructor(stream: ServerHttp2Stream, endpoint: Endpoint, request: RequestHead, closeTimeout: number) {
    super()
    this.stream = stream
    this.endpoint = endpoint
    this.closeTimeout = closeTimeout
    this.isHead = request.method === 'HEAD'
    this.chunked = request.framing === BodyFraming.chunked
    this.head = new AnswerHeadReader({ head: Number.POSITIVE_INFINITY, fields: MOST_FIELDS })
    this.body = new BodyReader(
      {
        bodyData: (chunk, start, end) => this.send(chunk, start, end),
        bodyEnd: () => this.endAnswer(),
      },
      { body: Number.POSITIVE_INFINITY },
    )
    this.state = READING_HEAD
    this.trailers = ''
    this.ready = true
    this.listen()
  }

  get encrypted(): boolean {
    return this.endpoint.encrypted === true
  }

  get servername(): string | false | null | undefined {
    return this.endpoint.servername
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

  get proxied(): Endpoint['proxied'] {
    return this.endpoint.proxied
  }

  get tls(): Endpoint['tls'] {
    return this.endpoint.tls
  }

  /** As on the socket of a connection over TLS: who the client says it is, and whether that is believed. */
  get authorized(): boolean | undefined {
    return this.tls?.authorized
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    return this.tls?.peerCertificate
  }

  getPeerCertificate(): object {
    return this.getPeerX509Certificate()?.toLegacyObject() ?? {}
  }

  /** Behind its answer node:http waits for a next request, which never comes on a stream. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    if (callback !== undefined) this.once('timeout', callback)
    this.stream.setTimeout(this.state === ENDED ? 0 : milliseconds)
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
    try {
      this.answer(chunk)
    } catch (error) {
      return done(error as Error)
    }
    if (this.ready || this.stream.destroyed) done()
    else this.stream.once('drain', done)
  }

  override _final(done: Done): void {
    if (this.state === READING_ALL) this.endAnswer()
    else if (this.state !== ENDED) this.destroy()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    const { stream } = this
    if (this.state !== ENDED) breakOff(stream)
    else if (!stream.readableEnded) dropRequest(stream, this.closeTimeout)
    done(error)
  }

  private listen(): void {
    const { stream } = this
    stream.on('data', (chunk: Buffer) => {
      if (!this.destroyed && !this.push(this.chunked ? chunkOf(chunk) : chunk)) stream.pause()
    })
    stream.on('trailers', (_trailers: unknown, _flags: number, raw: readonly string[]) => {
      this.trailers = pairsOf(raw)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')
    })
    stream.on('end', () => {
      if (this.chunked && !stream.aborted) this.push(Buffer.from(`0\r\n${this.trailers}\r\n`, 'latin1'))
    })
    stream.on('timeout', () => this.emit('timeout'))
    stream.on('close', () => this.leave())
  }

  /** The rest of a request may still be read behind its answer. */
  private leave(): void {
    if (this.state !== ENDED || this.stream.aborted || this.readableLength === 0) return void this.destroy()
    this.push(null)
    this.end()
  }

  private answer(chunk: Buffer): void {
    let pos = 0
    while (pos < chunk.length && this.state !== ENDED && !this.stream.closed) {
      if (this.state === READING_HEAD) pos = this.readHead(chunk, pos)
      else if (this.state === READING_BODY) pos = this.body.push(chunk, pos, chunk.length)
      else pos = this.send(chunk, pos, chunk.length)
      const error = this.head.error ?? this.body.error
      if (error !== null) throw error
    }
  }

  private readHead(chunk: Buffer, pos: number): number {
    const { head, stream } = this
    pos = head.push(chunk, pos, chunk.length)
    if (!head.complete) return pos
    const { status } = head
    const headers = streamHeaders(status, pairsOf(head.rawFields()))
    if (status >= 200) this.respond(status, headers)
    else {
      stream.additionalHeaders(headers)
      head.reset()
    }
    return pos
  }

  private respond(status: number, headers: OutgoingHttpHeaders): void {
    const { head, stream } = this
    const coding = head.field('transfer-encoding')
    const chunked = coding?.toLowerCase().endsWith('chunked') === true
    const endStream = this.isHead || hasNoBody(status)
    stream.respond(headers, { endStream, waitForTrailers: chunked && !endStream })
    if (endStream) this.state = ENDED
    else this.startBody(chunked, head.field('content-length'))
  }

  private startBody(chunked: boolean, length: string | undefined): void {
    const { body, stream } = this
    this.state = READING_BODY
    if (chunked) {
      stream.once('wantTrailers', () => stream.sendTrailers(body.trailers()))
      body.start(BodyFraming.chunked, 0)
    } else if (length !== undefined) body.start(BodyFraming.length, Number(length))
    else this.state = READING_ALL
  }

  private send(chunk: Uint8Array, start: number, end: number): number {
    if (!this.stream.write(chunk.subarray(start, end))) this.ready = false
    return end
  }

  private endAnswer(): void {
    this.state = ENDED
    this.stream.end()
  }
}

/** More than any application sets. */
const MOST_FIELDS = 10_000

const CRLF = Buffer.from('\r\n')

function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF])
}
