/** WebSocket on a stream of HTTP/2 (RFC 8441): the stream is the connection, and 200 the answer. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { AnswerHeadReader, type RequestHead } from '../../http/index.ts'
import type { Client } from '../client/client.ts'
import type { Connection, Session } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import { RefusedError } from '../errors.ts'
import type { Host } from '../host.ts'
import type { Request } from '../http/request.ts'
import { startUpgrade, type UpgradeCarrier } from '../http/upgrade-session.ts'
import type { Refusal } from '../websocket/upgrade.ts'
import { StreamChannel } from './channel.ts'
import { pairsOf, requestOf, streamHeaders } from './head.ts'

export function takeWebSocket(
  host: Host,
  stream: ServerHttp2Stream,
  head: RequestHead,
  endpoint: Endpoint,
): void {
  let upgrade: StreamUpgrade | undefined
  host.adopt(stream, endpoint, (connection) => (upgrade = new StreamUpgrade(connection, stream)))
  startUpgrade(upgrade!, head)
}

/** The connection until the WebSocket is there: nothing is read. */
class StreamUpgrade implements Session, UpgradeCarrier {
  readonly held = 0
  readonly connection: Connection
  private readonly stream: ServerHttp2Stream

  constructor(connection: Connection, stream: ServerHttp2Stream) {
    this.connection = connection
    this.stream = stream
  }

  refuse(error: RefusedError, fields: Refusal['fields'] = []): void {
    this.connection.host.report(error, this.connection)
    new StreamChannel(this.stream, false).refuse(error, fields)
    this.stream.close(constants.NGHTTP2_NO_ERROR)
  }

  refuseWith({ code, status, message, fields }: Refusal): void {
    this.refuse(new RefusedError(code, status, message), fields)
  }

  /** What of a 101 has a meaning here. */
  accept(answer: string): void {
    const bytes = Buffer.from(answer, 'latin1')
    const head = new AnswerHeadReader({ head: bytes.length, fields: bytes.length })
    head.push(bytes, 0, bytes.length)
    this.stream.respond(streamHeaders(200, pairsOf(head.rawFields())))
  }

  requestOf(head: RequestHead): Request {
    return requestOf(head)
  }

  keepRequest(client: Client, head: RequestHead): void {
    client.setRequest(requestOf(head))
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
