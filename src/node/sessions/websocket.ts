/** WebSockets that carry sessions: the session has one in the application's place. */
import { type Carrier, RequestKind, refusedBy, SessionError } from '../../sessions/index.ts'
import type { Client } from '../client/client.ts'
import { Connection, type Member } from '../connection.ts'
import type { Audience, Message } from '../host.ts'
import type { Refusal } from '../websocket/upgrade.ts'
import type { WebSocketWriter } from '../websocket/writer.ts'
import type { SessionHub, SessionSource } from './hub.ts'
import type { SessionMember } from './member.ts'

// RFC 6455 §7.4.1
const NORMAL_CLOSURE = 1000
const GOING_AWAY = 1001

/**
 * Who hears a WebSocket whose origin may come in.
 *
 * @returns the session's ear; undefined where it is the application that hears it; or the refusal
 */
export function sessionAudience(
  hub: SessionHub,
  source: SessionSource,
  origin: string | undefined,
): SessionAudience | Refusal | undefined {
  const request = hub.read(source.view)
  if (request === null) return undefined
  if (!request.accepted) return request
  const { transport, kind, sessionId } = request
  if (transport.body !== 'frames') {
    const message = `Cannot accept the WebSocket: the transport ${transport.name} needs none`
    return refusedBy(new SessionError('ERR_SESSION_PATH_INVALID', message))
  }
  const shown = { origin, declared: origin !== undefined }
  const member =
    kind === RequestKind.open ? hub.open(transport, shown, source) : hub.find(sessionId, transport, shown)
  return member instanceof SessionError ? refusedBy(member) : new SessionAudience(member)
}

/** Hears one WebSocket for a session. */
export class SessionAudience implements Audience {
  readonly member: SessionMember
  private carrier: SocketCarrier | undefined

  constructor(member: SessionMember) {
    this.member = member
    this.carrier = undefined
  }

  clientConnected({ connection, writer }: Member): void {
    const { member } = this
    if (connection instanceof Connection) connection.client = member.client
    member.reads(connection)
    this.carrier = new SocketCarrier(member, writer as WebSocketWriter)
    this.carrier.begin()
  }

  deliver(message: Message, client: Client): undefined {
    const { session, hub } = this.member
    const bytes = message as Buffer
    if (client.isText) session.receive(bytes, 0, bytes.length, hub.now)
    else
      session.fail(new SessionError('ERR_SESSION_CONTENT_INVALID', 'Cannot read the message: it is binary'))
  }

  clientDisconnected({ client, connection }: Member): void {
    const { member } = this
    member.client.closeCode = client.closeCode
    member.client.closeReason = client.closeReason
    member.leaves(connection)
    this.carrier?.gone()
  }
}

/** Each batch is one message. */
class SocketCarrier implements Carrier {
  private readonly member: SessionMember
  private readonly writer: WebSocketWriter

  constructor(member: SessionMember, writer: WebSocketWriter) {
    this.member = member
    this.writer = writer
  }

  begin(): void {
    const { member, writer } = this
    writer.on('drain', () => member.session.drained(this, member.hub.now))
    if (!member.session.attach(this, member.hub.now)) this.end()
  }

  deliver(batch: string): boolean {
    const { member, writer } = this
    if (writer.ended) return false
    const ready = writer.write(batch)
    writer.whenSent((sent) => {
      if (sent) member.session.flushed(this, member.hub.now)
    })
    return ready
  }

  end(): void {
    const { writer } = this
    const { session, hub, isCut } = this.member
    const { error } = session
    if (isCut) writer.destroy()
    else if (error !== null) writer.close(error.closeCode, error.message)
    else writer.close(hub.leaving ? GOING_AWAY : NORMAL_CLOSURE)
  }

  gone(): void {
    const { member } = this
    member.session.detach(this, member.hub.now)
  }
}
