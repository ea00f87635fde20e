/** What is answered without the application: what may be asked for from where, and what nobody serves. */
import { corsFields, preflightFields } from '../../http/index.ts'
import type { Host } from '../host.ts'
import { foreignOrigin, type Refusal } from '../websocket/upgrade.ts'
import { isMethodOfNode, RequestAtHand, type RequestView } from './request.ts'
import type { HttpWriter } from './writer.ts'

/** Who a request goes to. */
export const Destination = { message: 0, options: 1, application: 2, nobody: 3, session: 4 } as const
export type Destination = (typeof Destination)[keyof typeof Destination]

const MESSAGE_METHODS: readonly string[] = ['POST', 'PUT']

/**
 * What lies under the paths of sessions is theirs. Messages are POST and PUT, or what `isMessage` says. OPTIONS is answered by whoever gets the method that it asks
 * about, which is POST where it names none.
 */
export function destinationOf(host: Host, view: RequestView): Destination {
  const { isMessage } = host.settings
  const { method } = view
  if (host.sessionHub !== undefined && host.sessionHub.read(view) !== null) return Destination.session
  if (method === 'OPTIONS') {
    const asked = view.field('access-control-request-method') ?? 'POST'
    const answered =
      isMessage === undefined ? MESSAGE_METHODS.includes(asked) : isMessage(new RequestAtHand(view, asked))
    if (answered || !host.servesRequests) return Destination.options
  } else if (
    isMessage === undefined ? method === 'POST' || method === 'PUT' : isMessage(new RequestAtHand(view))
  ) {
    return view.methodKnown ? Destination.message : Destination.nobody
  }
  return host.servesRequests && (view.methodKnown || isMethodOfNode(method))
    ? Destination.application
    : Destination.nobody
}

/** The refusal, if the page that the request comes from may not speak to this server. */
export function refusedOrigin(
  host: Host,
  view: RequestView,
  origin: string | undefined,
  encrypted: boolean,
): Refusal | undefined {
  // The text of the host is only made where there is an origin to compare it with.
  const own = origin === undefined ? undefined : view.host
  return host.allowsOrigin(origin, own, encrypted) ? undefined : foreignOrigin(origin)
}

/** The fields that let a page read the answer, whose origin is allowed. */
export function setCorsFields(host: Host, origin: string, answer: HttpWriter): void {
  setFields(answer, corsFields(origin, { credentials: host.settings.allowCredentials }))
}

/** RFC 9110 §9.3.7, and the preflight request of the Fetch standard, from an origin that is allowed. */
export function answerOptions(host: Host, view: RequestView, answer: HttpWriter): void {
  const origin = view.field('origin')
  const methods = methodsOf(host)
  answer.setHeader('Allow', methods.join(', '))
  if (origin !== undefined && view.field('access-control-request-method') !== undefined) {
    const { allowCredentials: credentials } = host.settings
    const requestHeaders = view.field('access-control-request-headers')
    setFields(answer, preflightFields(origin, { methods, requestHeaders, credentials }))
  }
  answer.end()
}

/** RFC 9110 §15.5.6, §15.6.2. */
export function answerUnserved(host: Host, view: RequestView, answer: HttpWriter): void {
  const methods = methodsOf(host).join(', ')
  answer.setHeader('Allow', methods)
  answer.writeHead(view.methodKnown ? 405 : 501)
  answer.end(`Cannot serve ${view.method}: the methods here are ${methods}\n`)
}

function methodsOf(host: Host): string[] {
  const messages = ['POST', 'PUT', 'OPTIONS']
  return host.servesRequests || host.settings.isMessage !== undefined
    ? ['GET', 'HEAD', 'DELETE', 'PATCH', ...messages]
    : messages
}

function setFields(answer: HttpWriter, fields: readonly (readonly [name: string, value: string])[]): void {
  for (const [name, value] of fields) answer.setHeader(name, value)
}
