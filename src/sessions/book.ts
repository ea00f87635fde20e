/**
 * The sessions of a server, by id, and whose they are.
 *
 * A session belongs to the origin that opened it. A request that names none has it from its page (see `requestOrigin`), or
 * none at all. So there are three cases: a session that was opened with an Origin field hears only requests with that one;
 * one whose origin was seen on the page hears that one, and requests that show none; and one that was opened without any,
 * by a script of a page that keeps its origin to itself, belongs to the first origin that a request of it names. Which
 * origins may come at all is the host's to decide, before it asks here.
 */
import { checkLimit, SessionError } from './errors.ts'
import type { SessionOptions } from './options.ts'
import type { RequestOrigin } from './origin.ts'
import { isSessionId } from './request.ts'
import { Session } from './session.ts'
import type { SessionSink } from './session-sink.ts'
import type { Transport } from './transports.ts'

interface Entry {
  readonly session: Session
  /** Only requests that name the origin are heard. */
  readonly declared: boolean
  readonly address: string | undefined
  origin: string | undefined
}

/** What a session is opened with. */
export interface Opening {
  /** Unguessable, and used once: see `sessionIdOf`. */
  readonly id: string
  readonly transport: Transport
  readonly origin: RequestOrigin
  /** Where it comes from, if that is to be bounded: an address, or whatever else stands for one peer. */
  readonly address?: string | undefined
  readonly sink: SessionSink
  readonly options?: SessionOptions
}

/** Sessions that there may be by default. */
export const MAX_SESSIONS = 10_000

/**
 * @example
 * import { SessionBook, SessionError, requestOrigin, transportOf } from 'portmanteau/sessions'
 *
 * const book = new SessionBook()
 * const transport = transportOf('xhr-polling')!
 * const origin = requestOrigin((name) => (name === 'origin' ? 'https://example.com' : undefined))
 * const sink = { connected() {}, message() {}, drained() {}, disconnected() {} }
 * book.open({ id: 'Zm9v', transport, origin, sink }, 0)
 * const found = book.find('Zm9v', transport, origin)
 * if (found instanceof SessionError) found.status // 404, 403 or 400
 */
export class SessionBook implements Iterable<Session> {
  private readonly limit: number
  private readonly addressLimit: number
  private readonly entries: Map<string, Entry>
  /** Sessions of each address; of none, where there is no limit. */
  private readonly counts: Map<string, number>
  private readonly forget: (session: Session) => void

  /**
   * @param limit sessions that there may be at a time
   * @param addressLimit of these, from one address
   */
  constructor(limit: number = MAX_SESSIONS, addressLimit: number = Number.POSITIVE_INFINITY) {
    this.limit = checkLimit('sessions', limit, 1)
    this.addressLimit = checkLimit('sessions of an address', addressLimit, 1)
    this.entries = new Map()
    this.counts = new Map()
    this.forget = (session) => this.remove(session)
  }

  get size(): number {
    return this.entries.size
  }

  /** Every session that has not ended. */
  *[Symbol.iterator](): Iterator<Session> {
    for (const { session } of this.entries.values()) yield session
  }

  /**
   * Opens a session. It ends by itself if no carrier comes within its `graceTimeout`.
   *
   * @param now the host's clock
   * @returns the session, or why there can be no more (503)
   * @throws {SessionError} `ERR_SESSION_OPTION` for an id that is none or is taken, and for an option
   */
  open(opening: Opening, now: number): Session | SessionError {
    const { id, transport, origin, address, sink, options } = opening
    if (!isSessionId(id) || this.entries.has(id))
      throw new SessionError('ERR_SESSION_OPTION', 'Cannot open the session: its id is none, or is taken')
    if (this.entries.size >= this.limit)
      return new SessionError('ERR_SESSION_TOO_MANY', `Cannot open the session: there are ${this.limit}`)
    if (this.countOf(address) >= this.addressLimit) {
      const reason = `there are ${this.addressLimit} from its address`
      return new SessionError('ERR_SESSION_TOO_MANY', `Cannot open the session: ${reason}`)
    }
    const session = new Session(id, transport, sink, now, options, this.forget)
    this.entries.set(id, { session, declared: origin.declared, address, origin: origin.origin })
    this.count(address, 1)
    return session
  }

  /** The session of that id, or why the request is not heard: 404, 403 or 400. */
  find(id: string, transport: Transport, origin: RequestOrigin): Session | SessionError {
    const entry = this.entries.get(id)
    if (entry === undefined)
      return new SessionError('ERR_SESSION_UNKNOWN', 'Cannot find the session: it has ended, or never was')
    if (entry.session.transport !== transport) {
      return new SessionError(
        'ERR_SESSION_TRANSPORT_MISMATCH',
        `Cannot use the session: its transport is ${entry.session.transport.name}`,
      )
    }
    if (!admits(entry, origin))
      return new SessionError('ERR_SESSION_ORIGIN', 'Cannot use the session: another origin has opened it')
    return entry.session
  }

  /** Lets every session whose deadline has passed act. To be called from time to time. */
  sweep(now: number): void {
    for (const { session } of this.entries.values()) session.expire(now)
  }

  private remove({ id }: Session): void {
    const { address } = this.entries.get(id)!
    this.entries.delete(id)
    this.count(address, -1)
  }

  private countOf(address: string | undefined): number {
    return address === undefined ? 0 : (this.counts.get(address) ?? 0)
  }

  private count(address: string | undefined, more: number): void {
    if (address === undefined || this.addressLimit === Number.POSITIVE_INFINITY) return
    const count = this.countOf(address) + more
    if (count > 0) this.counts.set(address, count)
    else this.counts.delete(address)
  }
}

function admits(entry: Entry, { origin }: RequestOrigin): boolean {
  if (origin === undefined) return !entry.declared
  entry.origin ??= origin
  return entry.origin === origin
}
