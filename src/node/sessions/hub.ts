/** The sessions of a server: who they are, what time they have, and what leaves them together. */
import { randomBytes } from 'node:crypto'
import {
  type RefusedSessionRequest,
  type RequestOrigin,
  readSessionRequest,
  Session,
  SessionBook,
  SessionError,
  type SessionRequest,
  sessionIdOf,
  type Transport,
} from '../../sessions/index.ts'
import type { Client } from '../client/client.ts'
import { bareAddress, type Endpoint } from '../endpoint.ts'
import type { Host } from '../host.ts'
import type { RequestView } from '../http/request.ts'
import type { Deadlined } from '../limits/deadlines.ts'
import { SessionMember } from './member.ts'
import type { SessionsSettings } from './options.ts'

/** A request as sessions see it, whatever carries it. */
export interface SessionSource {
  readonly view: RequestView
  /** Where its connection comes from. */
  readonly endpoint: Endpoint
  /** Has a client keep the request that it came by. */
  keepRequest(client: Client): void
  /** Reports what is wrong with the request. */
  report(error: Error): void
}

/** 128 bits: who has an id has the session. */
const ID_BYTES = 16

export class SessionHub implements Deadlined {
  readonly host: Host
  readonly settings: SessionsSettings
  /** It takes part in each sweep: every session has a deadline of its own. */
  readonly deadline = 0
  /** Whether the server goes away. */
  leaving: boolean
  private readonly book: SessionBook
  private readonly members: WeakMap<Session, SessionMember>
  private corked: SessionMember[]

  constructor(host: Host, settings: SessionsSettings) {
    this.host = host
    this.settings = settings
    this.leaving = false
    this.book = new SessionBook(settings.maxSessions, settings.maxSessionsPerAddress)
    this.members = new WeakMap()
    this.corked = []
  }

  /** Not before the real time, so that what waits from now on does not wait too short. */
  get now(): number {
    const { deadlines } = this.host
    return deadlines.now + deadlines.period
  }

  /** What a request wants of a session; null: nothing. */
  read({
    method,
    target,
  }: Pick<RequestView, 'method' | 'target'>): SessionRequest | RefusedSessionRequest | null {
    return readSessionRequest(method, pathOf(target), this.settings)
  }

  /** Opens a session for a client. */
  open(transport: Transport, origin: RequestOrigin, source: SessionSource): SessionMember | SessionError {
    // The clock stands while nobody waits.
    this.host.deadlines.add(this)
    const options = this.settings.options.get(transport.name)!
    const place = this.placeOf(source)
    const member = new SessionMember(this, place, transport.name, options.encoding)
    const id = sessionIdOf(randomBytes(ID_BYTES))
    const address = this.addressOf(place)
    const session = this.book.open({ id, transport, origin, address, sink: member, options }, this.now)
    if (session instanceof SessionError) return session
    source.keepRequest(member.client)
    this.members.set(session, member)
    return member.begin(session)
  }

  /** Where a request comes from, as far as it can be believed. */
  placeOf({ endpoint, view }: SessionSource): Endpoint {
    return this.host.door.trust.endpointOf(endpoint, view)
  }

  /** The client of that session, if the request may speak for it. */
  find(id: string, transport: Transport, origin: RequestOrigin): SessionMember | SessionError {
    const session = this.book.find(id, transport, origin)
    return session instanceof Session ? this.members.get(session)! : session
  }

  /** Ends the batch of what a client is sent in this turn, once it is over. */
  flushSoon(member: SessionMember): void {
    if (this.corked.push(member) === 1) process.nextTick(() => this.flush())
  }

  expire(): void {
    const { deadlines } = this.host
    this.book.sweep(deadlines.now)
    if (this.book.size === 0) deadlines.remove(this)
  }

  /** No request comes in any more: ends the sessions that live on them. */
  close(): void {
    for (const session of this.book) if (session.transport.body !== 'frames') session.close(this.now)
  }

  /** Tells every client that the server goes away, as far as it can be told. */
  shutdown(): void {
    this.leaving = true
    for (const session of this.book) session.close(this.now)
  }

  /** Ends what is left. */
  destroy(): void {
    for (const session of this.book) this.members.get(session)!.destroy()
    this.host.deadlines.remove(this)
    this.leaving = false
  }

  /** Without a limit nobody is asked: it costs a call of the system. */
  private addressOf(place: Endpoint): string | undefined {
    if (this.settings.maxSessionsPerAddress === Number.POSITIVE_INFINITY) return undefined
    const { remoteAddress } = place
    return remoteAddress === undefined ? undefined : bareAddress(remoteAddress)
  }

  private flush(): void {
    const { corked } = this
    this.corked = []
    for (const member of corked) member.flush()
  }
}

/** RFC 9112 §3.2.2: a target may have an authority before its path. */
function pathOf(target: string): string {
  if (target.startsWith('/')) return target
  const authority = target.indexOf('://')
  const path = authority < 0 ? -1 : target.indexOf('/', authority + 3)
  return path < 0 ? '' : target.slice(path)
}
