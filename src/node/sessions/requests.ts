/** Requests of sessions: who may speak for which, and what answers them. */
import { corsFields, preflightFields } from '../../http/index.ts'
import {
  isSessionId,
  RequestKind,
  type RequestOrigin,
  refusedBy,
  requestOrigin,
  SessionError,
  type SessionRequest,
} from '../../sessions/index.ts'
import { RefusedError } from '../errors.ts'
import type { BodyTaker } from '../http/exchange.ts'
import type { HttpWriter } from '../http/writer.ts'
import { foreignOrigin, type Refusal } from '../websocket/upgrade.ts'
import { type AnswerCarrier, carry } from './answer-carriers.ts'
import type { SessionHub, SessionSource } from './hub.ts'
import type { SessionMember } from './member.ts'
import { SendExchange } from './send-exchange.ts'

const METHODS = ['GET', 'POST', 'OPTIONS']

/** RFC 9110 §15.5.22: who refuses for the lack of an upgrade names it. */
const UPGRADE_MISSING: Refusal = {
  status: 426,
  code: 'ERR_SESSION_UPGRADE_MISSING',
  message: 'Cannot serve the request: its transport is a WebSocket',
  fields: [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
  ],
}

/** Answers a request that is for a session. Returns who takes its body. */
export function takeSessionRequest(hub: SessionHub, source: SessionSource, answer: HttpWriter): BodyTaker {
  const { view } = source
  const origin = requestOrigin((name) => view.field(name))
  const encrypted = hub.placeOf(source).encrypted === true
  const judged = origin.origin ?? hiddenOrigin(hub, source)
  const allowed = hub.host.allowsOrigin(judged, view.host, encrypted)
  if (allowed) setCorsFields(hub, source, answer)
  const taken = allowed ? serve(hub, source, origin, answer) : foreignOrigin(judged)
  if (!('status' in taken)) return taken
  source.report(new RefusedError(taken.code, taken.status, taken.message))
  answerRefusal(taken, answer)
  return DROPPED
}

/**
 * What shows no origin is no page of another one's: a browser would have said so. But a script may be loaded and read by any
 * page, also by one that keeps its address to itself, and Sec-Fetch-Site comes over TLS alone (W3C Fetch Metadata §2).
 * So what opens a session by a script counts as `null` then.
 */
function hiddenOrigin(hub: SessionHub, { view }: SessionSource): string | undefined {
  const request = hub.read(view)
  const opensByScript =
    request?.accepted === true &&
    request.kind === RequestKind.open &&
    request.transport.name === 'jsonp-polling'
  const site = view.field('sec-fetch-site')
  return opensByScript && site !== 'same-origin' && site !== 'none' ? 'null' : undefined
}

function serve(
  hub: SessionHub,
  source: SessionSource,
  origin: RequestOrigin,
  answer: HttpWriter,
): BodyTaker | Refusal {
  const request = hub.read(source.view)!
  if (!request.accepted) return request
  if (request.transport.body === 'frames') return UPGRADE_MISSING
  if (request.kind === RequestKind.preflight) return answerPreflight(hub, source, answer)
  const member = memberFor(hub, source, request, origin)
  if (member instanceof SessionError) return refusedBy(member)
  if (request.kind !== RequestKind.send) return new Asking(carry(member, request, answer))
  return new SendExchange(member, answer, (refusal) => answerRefusal(refusal, answer))
}

/** The session that the request is for; one that it opens, if it names none. */
function memberFor(
  hub: SessionHub,
  source: SessionSource,
  { kind, transport, sessionId }: SessionRequest,
  origin: RequestOrigin,
): SessionMember | SessionError {
  if (kind !== RequestKind.open) return hub.find(sessionId, transport, origin)
  // WHATWG HTML §9.2.2: an EventSource that comes back asks for the same address, and names what it has seen last.
  const last = transport.name === 'server-events' ? source.view.field('last-event-id') : undefined
  const known = last !== undefined && isSessionId(last) ? hub.find(last, transport, origin) : undefined
  return known === undefined || known instanceof SessionError ? hub.open(transport, origin, source) : known
}

/** Lets a page of another origin read the answer: why it is refused, too. */
function setCorsFields({ host }: SessionHub, { view }: SessionSource, answer: HttpWriter): void {
  const origin = view.field('origin')
  if (origin === undefined) return
  setFields(answer, corsFields(origin, { credentials: host.settings.allowCredentials }))
}

/** No session is touched. */
function answerPreflight({ host }: SessionHub, { view }: SessionSource, answer: HttpWriter): BodyTaker {
  const origin = view.field('origin')
  answer.setHeader('Allow', METHODS.join(', '))
  if (origin !== undefined && view.field('access-control-request-method') !== undefined) {
    const requestHeaders = view.field('access-control-request-headers')
    const { allowCredentials: credentials } = host.settings
    setFields(answer, preflightFields(origin, { methods: METHODS, requestHeaders, credentials }))
  }
  answer.end()
  return DROPPED
}

/** The connection stays: where the next request begins is known. */
function answerRefusal({ status, message, fields }: Refusal, answer: HttpWriter): void {
  answer.writeHead(status)
  answer.setHeader('Cache-Control', 'no-store')
  setFields(answer, fields)
  answer.end(`${message}\n`)
}

function setFields(answer: HttpWriter, fields: Refusal['fields']): void {
  for (const [name, value] of fields) answer.setHeader(name, value)
}

/** A body that has no meaning. */
class Dropped implements BodyTaker {
  readonly held = 0
  readonly writer = undefined

  push(): void {}

  settle(): void {}

  end(): void {}

  peerEnded(): void {}
}

const DROPPED = new Dropped()

/** A request whose answer may take its time. */
class Asking extends Dropped {
  private readonly carrier: AnswerCarrier

  constructor(carrier: AnswerCarrier) {
    super()
    this.carrier = carrier
  }

  override peerEnded(): void {
    this.carrier.peerEnded()
  }
}
