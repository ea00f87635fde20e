/** The client's side of the opening handshake: the answer's head, and behind it the 16 bytes of hixie-76 and hybi-03. */
import { AnswerHeadReader } from '../../http/index.ts'
import { acceptDeflate, type DeflateAgreement } from '../../ws-codec/handshake/permessage-deflate.ts'
import {
  type AcceptedAnswer,
  codecOf,
  type ExpectedAnswer,
  provesServer,
  readAnswer,
} from '../../ws-codec/index.ts'
import { Client } from '../client/client.ts'
import type { Connection, Session } from '../connection.ts'
import { RefusedError } from '../errors.ts'
import { deflateSettings } from '../websocket/compression-options.ts'
import { WebSocketSession } from '../websocket/session.ts'
import { SessionCompression } from '../websocket/session-compression.ts'
import type { ClientHost } from './client-host.ts'
import { randomMaskKey } from './mask-key.ts'

export class ClientHandshakeSession implements Session {
  readonly held = 0
  private readonly connection: Connection<ClientHost>
  private readonly expected: ExpectedAnswer
  private readonly head: AnswerHeadReader
  private accepted: AcceptedAnswer | undefined
  private readonly proof: Uint8Array
  private proven: number

  constructor(connection: Connection<ClientHost>, expected: ExpectedAnswer) {
    this.connection = connection
    this.expected = expected
    this.head = new AnswerHeadReader()
    this.accepted = undefined
    this.proof = new Uint8Array(expected.response.length)
    this.proven = 0
  }

  push(chunk: Buffer, pos: number, end: number): number {
    return this.accepted === undefined ? this.readHead(chunk, pos, end) : this.readProof(chunk, pos, end)
  }

  finish(): void {
    this.refuse(
      'ERR_WS_CONNECT_CLOSED',
      'Cannot connect: the server ended the connection inside the handshake',
    )
  }

  expire(): void {}

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}

  private readHead(chunk: Buffer, pos: number, end: number): number {
    const { head } = this
    pos = head.push(chunk, pos, end)
    if (head.error !== null) return this.refuse(head.error.code, head.error.message, end)
    if (!head.complete) return pos
    const answer = readAnswer(this.expected, head)
    if (!answer.accepted) return this.refuse(answer.code, answer.message, end)
    this.accepted = answer
    if (answer.challengeBytes === 0) this.open(answer)
    return pos
  }

  private readProof(chunk: Buffer, pos: number, end: number): number {
    const taken = Math.min(end - pos, this.proof.length - this.proven)
    this.proof.set(chunk.subarray(pos, pos + taken), this.proven)
    this.proven += taken
    if (this.proven < this.proof.length) return end
    if (!provesServer(this.expected, this.proof)) {
      return this.refuse('ERR_WS_ACCEPT', 'Cannot connect: the server has not answered the challenge', end)
    }
    this.open(this.accepted!)
    return pos + taken
  }

  private open(answer: AcceptedAnswer): void {
    const { connection } = this
    const { settings } = connection.host
    const { version } = this.expected
    let agreement: DeflateAgreement | undefined | 'invalid'
    if (settings.compression !== undefined) {
      agreement = acceptDeflate(answer.extensions, deflateSettings(settings.compression, 'client'))
    }
    if (agreement === 'invalid') {
      this.refuse(
        'ERR_WS_EXTENSION_NOT_OFFERED',
        'Cannot connect: the server answers an extension that was not offered so',
      )
      return
    }
    const client = new Client(connection.endpoint, 'websocket', version)
    client.subprotocol = answer.protocol
    const compression = agreement && new SessionCompression(agreement, 'client', settings)
    const options = { codec: codecOf(version), role: 'client', client, compression } as const
    connection.handOn(new WebSocketSession(connection, options, randomMaskKey))
  }

  private refuse(code: string, message: string, end: number = 0): number {
    this.connection.host.refused(new RefusedError(code, this.head.status, message))
    this.connection.destroy()
    return end
  }
}
