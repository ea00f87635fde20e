import { randomFillSync } from 'node:crypto'
import type { ReadableStream, WritableStream } from 'node:stream/web'
import type { RequestHead } from '../../http/index.ts'
import type { TransportName } from '../../sessions/index.ts'
import type { ProxyHeader } from '../../sniff/index.ts'
import type { Endpoint } from '../endpoint.ts'
import { packRequest, Request, unpackRequest } from '../http/request.ts'
import type { SessionDetails } from '../sessions/session-details.ts'
import type { TlsDetails } from '../tls/tls-endpoint.ts'
import type { Data } from '../writer.ts'
import { Faces, type Source } from './faces.ts'
import type { WebMessage } from './message-queue.ts'

const ID_BYTES = 12
const POOL_BYTES = ID_BYTES * 256

const pool = Buffer.alloc(POOL_BYTES)
let poolAt = POOL_BYTES

/** 96 bits from the system's random source, drawn in batches: one call for 256 ids. */
function randomId(): string {
  if (poolAt === POOL_BYTES) {
    randomFillSync(pool)
    poolAt = 0
  }
  return pool.toString('base64url', poolAt, (poolAt += ID_BYTES))
}

/** How a client speaks. */
export type Protocol = 'raw' | 'http' | 'websocket' | 'udp' | TransportName

/**
 * A client as the application sees it: to be read from. What goes to it goes through its writer,
 * `server.send(id, data)` or `server.broadcast(data)`.
 *
 * @example
 * server.on('message', (message, client, writer) => {
 *   console.log(client.id, client.protocol, client.version, client.remoteAddress, client.isText)
 *   client.data ??= { name: String(message) } // the application's own, as long as the client is there
 * })
 */
export class Client {
  /** Unguessable, and unique among the server's clients. */
  readonly id: string
  readonly protocol: Protocol
  /**
   * The version of the protocol: `'13'` on WebSocket, `'1.0'`, `'1.1'` or `'2'` on HTTP; of a session its encoding, `'0.6'` or
   * `'0.7pre'`, which is known for sure once it has sent a message.
   */
  version: string | undefined
  /** Whether it came over TLS. */
  readonly encrypted: boolean
  /** The server name that it asked for in TLS (SNI). */
  readonly servername: string | undefined
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly remoteFamily: string | undefined
  /** Over TLS: what was offered and agreed on, fingerprints, the client's certificate. */
  readonly tls: TlsDetails | undefined
  /**
   * Whether the message at hand is text: by its frame on WebSocket; elsewhere, whether its bytes are UTF-8.
   * After the listener has returned, the latest message's.
   */
  isText: boolean
  /** The WebSocket subprotocol that was agreed on. */
  subprotocol: string | undefined
  /** The code of the close frame that a WebSocket client sent; 1005 when it named none, `undefined` when none came. */
  closeCode: number | undefined
  /** The reason in that close frame. */
  closeReason: string | undefined
  /** Of a client of the Socket.IO era, by whatever transport: what only sessions have. */
  session: SessionDetails | undefined
  /** The application's own. */
  data: unknown
  private readonly endpoint: Endpoint
  private faces: Faces | undefined
  private source: Source | undefined
  private currentRequest: Request | undefined
  private currentHead: RequestHead | undefined
  /** Until somebody asks: thousands of idle clients keep a string each, not an object of strings. */
  private packedRequest: string

  constructor(endpoint: Endpoint, protocol: Protocol, version: string | undefined) {
    this.id = randomId()
    this.protocol = protocol
    this.version = version
    this.encrypted = endpoint.encrypted === true
    this.servername = endpoint.servername || undefined
    this.remoteAddress = endpoint.remoteAddress
    this.remotePort = endpoint.remotePort
    this.remoteFamily = endpoint.remoteFamily
    this.endpoint = endpoint
    this.tls = endpoint.tls
    this.isText = false
    this.faces = undefined
    this.source = undefined
    this.currentRequest = undefined
    this.currentHead = undefined
    this.packedRequest = ''
    this.subprotocol = undefined
    this.closeCode = undefined
    this.closeReason = undefined
    this.session = undefined
    this.data = undefined
  }

  /** Where it has connected to, while it is connected: asked of the system only when somebody asks. */
  get localAddress(): string | undefined {
    return this.endpoint.localAddress
  }

  get localPort(): number | undefined {
    return this.endpoint.localPort
  }

  /** What the PROXY header in front of its connection said, with all that version 2 tells besides (option `proxy`). */
  get proxyHeader(): ProxyHeader | undefined {
    return this.endpoint.proxied
  }

  /**
   * The HTTP request that opened the WebSocket, or that the message at hand came with: there, to be read until
   * the answer has ended. It is only made when asked for.
   */
  get request(): Request | undefined {
    if (this.currentHead !== undefined) this.currentRequest ??= new Request(this.currentHead)
    else if (this.packedRequest !== '') {
      this.currentRequest = unpackRequest(this.packedRequest)
      this.packedRequest = ''
    }
    return this.currentRequest
  }

  /**
   * Its messages from now on, one by one: text as strings, anything else as bytes. While nobody takes them, up to
   * 256 messages or 1 MiB wait, and then it is not read from. Leaving the loop does not close the client.
   *
   * @example
   * server.on('clientConnect', async (client, writer) => {
   *   for await (const message of client) writer.write(message)
   * })
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<WebMessage> {
    return this.face().iterate()
  }

  /** The same as a stream of the web. */
  get readable(): ReadableStream<WebMessage> {
    return this.face().readable
  }

  /** What is written here goes to it, a message a chunk, with its back-pressure. Closing it closes the client. */
  get writable(): WritableStream<Data> {
    return this.face().writable
  }

  /**
   * Stops reading from it until `resume`, for an application that cannot keep up. What was read already still arrives: at
   * most 64 KiB of messages.
   *
   * @example
   * server.on('message', async (message, socket) => {
   *   socket.pause()
   *   await store(message)
   *   socket.resume()
   * })
   */
  pause(): void {
    this.source?.connection.halt()
  }

  /** Reads from it again. */
  resume(): void {
    this.source?.connection.unhalt()
  }

  /** @internal Keeps the request for good. */
  keepRequest(head: RequestHead): void {
    this.packedRequest = packRequest(head)
  }

  /** @internal The request at hand, where it is no head of our own reader. */
  setRequest(request: Request | undefined): void {
    this.currentRequest = request
  }

  /** @internal What the faces stand on: the client's session. */
  setSource(source: Source): void {
    this.source = source
  }

  /** @internal Of HTTP behind a proxy that is believed: each request may be from somebody else. */
  setEndpoint({ encrypted, remoteAddress, remotePort, remoteFamily }: Endpoint): void {
    Object.assign(this, { encrypted: encrypted === true, remoteAddress, remotePort, remoteFamily })
  }

  /** @internal Whether messages are taken by a face, or wait for one. */
  get listening(): boolean {
    return this.faces?.listening === true
  }

  /** @internal Keeps a message for a face. */
  keep(message: Buffer): void {
    const face = this.face()
    face.open()
    face.push(this.isText ? message.toString() : message)
  }

  /** @internal Takes what waits, for a listener that has come at last. */
  takeKept(): WebMessage[] {
    return this.faces?.takeKept() ?? []
  }

  /** @internal It is gone. */
  end(): void {
    this.faces?.end()
  }

  private face(): Faces {
    if (this.source === undefined) throw new Error('Cannot read the client: it is not connected')
    return (this.faces ??= new Faces(this.source))
  }

  /** @internal The head that `request` is made from; `undefined` when its bytes are about to go. */
  setHead(head: RequestHead | undefined): void {
    this.currentHead = head
    if (head !== undefined) this.currentRequest = undefined
  }
}
