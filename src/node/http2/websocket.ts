/**
 * WebSocket on a stream of HTTP/2 (RFC 8441): the stream is the connection, and 200 the answer. What would be a FIN of TCP is
 * END_STREAM, what would be a reset is RST_STREAM with CANCEL (§5).
 */
import type { ServerHttp2Stream } from 'node:http2'
import { AnswerHeadReader, type RequestHead } from '../../http/index.ts'
import { WebSocketErrorCode } from '../../ws-codec/index.ts'
import type { Client } from '../client/client.ts'
import type { Connection, Session } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import { RefusedError } from '../errors.ts'
import type { Host } from '../host.ts'
import { Request } from '../http/request.ts'
import { startUpgrade, type UpgradeCarrier } from '../http/upgrade-session.ts'
import type { Refusal } from '../websocket/upgrade.ts'
import { StreamChannel } from './channel.ts'
import { pairsOf, type StreamHead, streamHeaders } from './head.ts'
import { located } from './located.ts'
import { cancelOnDestroy, dropRequest } from './reset.ts'

/** RFC 8441 §5 carries the protocol of RFC 6455, and none of the drafts before it. */
const VERSION = '13'

const UNKNOWN_VERSION: Refusal = {
  status: 400,
  code: WebSocketErrorCode.version,
  message: `Cannot accept the WebSocket: on HTTP/2 its version is ${VERSION}`,
  fields: [['Sec-WebSocket-Version', VERSION]],
}

export function takeWebSocket(
  host: Host,
  stream: ServerHttp2Stream,
  head: StreamHead,
  endpoint: Endpoint,
): void {
  let upgrade: StreamUpgrade | undefined
  const connection = host.adoptStream(
    located(stream, endpoint),
    endpoint,
    (opened) => (upgrade = new StreamUpgrade(opened, stream, head)),
  )
  cancelOnDestroy(stream, () => connection.disown())
  if (head.field('sec-websocket-version') !== VERSION) upgrade!.refuseWith(UNKNOWN_VERSION)
  else startUpgrade(upgrade!, head.head)
}

/** The connection until the WebSocket is there: nothing is read. */
class StreamUpgrade implements Session, UpgradeCarrier {
  readonly held = 0
  readonly connection: Connection
  private readonly stream: ServerHttp2Stream
  private readonly head: StreamHead

  constructor(connection: Connection, stream: ServerHttp2Stream, head: StreamHead) {
    this.connection = connection
    this.stream = stream
    this.head = head
  }

  refuse(error: RefusedError, fields: Refusal['fields'] = []): void {
    this.connection.host.report(error, this.connection)
    new StreamChannel(this.stream, false, () => {}).refuse(error, fields)
    this.connection.linger()
    dropRequest(this.stream, this.connection.host.settings.closeTimeout)
  }

  /** 426 speaks of Upgrade, which HTTP/2 has not. */
  refuseWith({ code, status, message, fields }: Refusal): void {
    this.refuse(new RefusedError(code, status === 426 ? 400 : status, message), fields)
  }

  /** What of a 101 has a meaning here. */
  accept(answer: string): void {
    const bytes = Buffer.from(answer, 'latin1')
    const head = new AnswerHeadReader({ head: bytes.length, fields: bytes.length })
    head.push(bytes, 0, bytes.length)
    if (!this.stream.closed) this.stream.respond(streamHeaders(200, pairsOf(head.rawFields())))
  }

  requestOf(_head: RequestHead): Request {
    return new Request(this.head)
  }

  keepRequest(client: Client, _head: RequestHead): void {
    client.setRequest(new Request(this.head))
  }

  push(_chunk: Buffer, pos: number, _end: number): number {
    return pos
  }

  finish(): void {}

  expire(): void {}

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}
}
