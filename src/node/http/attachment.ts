/**
 * The upgrades of a server of node:http or node:https that somebody else has. It gets one listener, however many servers
 * are attached to it: so an upgrade for none of them is known, and never left without an answer.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorAnswer, RequestHead } from '../../http/index.ts'
import { LONGEST_TIMEOUT } from '../limits/deadlines.ts'
import { upgradeBytes } from './handed/upgrade-bytes.ts'
import { decodeLatin1 } from './latin1.ts'
import { asksForWebSocket } from './request.ts'

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** An `http.Server`, an `https.Server`, or what else emits `upgrade` as they do. */
export interface UpgradingServer {
  on(event: 'upgrade', listener: UpgradeListener): unknown
  listenerCount(event: string): number
  emit(event: 'connection' | 'secureConnection', socket: Duplex): boolean
}

/** What takes the upgrades. */
export interface UpgradeTaker {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

const NOT_HERE = { status: 404, message: 'Cannot accept the WebSocket: there is none at this path' }

/** The limits are the server's. */
const reader = new RequestHead(
  { requestLine: Number.MAX_SAFE_INTEGER, head: Number.MAX_SAFE_INTEGER, fields: Number.MAX_SAFE_INTEGER },
  decodeLatin1,
)

const attachments: WeakMap<UpgradingServer, Attachment> = new WeakMap()

/**
 * Gives the taker every WebSocket that is asked for on the server, those of one path, or with `false` none. A client that is
 * refused gets `closeTimeout` milliseconds to end its side.
 */
export function attachTo(
  server: UpgradingServer,
  taker: UpgradeTaker,
  path: string | false | undefined,
  closeTimeout: number,
): void {
  let attachment = attachments.get(server)
  if (attachment === undefined) {
    attachment = new Attachment(server, closeTimeout)
    attachments.set(server, attachment)
  }
  attachment.add(taker, path)
}

class Attachment {
  private readonly server: UpgradingServer
  private readonly closeTimeout: number
  private readonly takers: Map<string, UpgradeTaker>
  /** Takes what none of the others does. */
  private general: UpgradeTaker | undefined

  constructor(server: UpgradingServer, closeTimeout: number) {
    this.server = server
    this.closeTimeout = closeTimeout
    this.takers = new Map()
    this.general = undefined
    server.on('upgrade', (request, socket, head) => this.take(request, socket, head))
  }

  /** The latest one of a path has it. */
  add(taker: UpgradeTaker, path: string | false | undefined): void {
    if (path === undefined) this.general = taker
    else if (path !== false) this.takers.set(path, taker)
  }

  private take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { server } = this
    // Whoever takes it in the end: a reset in the meantime must not end the process.
    socket.on('error', ignore)
    const asked = asksForWebSocket(request)
    const taker = asked ? (this.takers.get(pathOf(request)) ?? this.general) : undefined
    if (taker !== undefined) taker.handleUpgrade(request, socket, head)
    else if (server.listenerCount('upgrade') > 1) return
    else if (asked) refuseUpgrade(socket, NOT_HERE, this.closeTimeout)
    else this.serveOrdinarily(request, socket, head)
  }

  /**
   * RFC 9110 §7.8: an upgrade may be ignored, and curl offers h2c with every request. node:http has taken its hands off the
   * socket: it is handed to it once more, as a connection that begins with the same request without the offer.
   */
  private serveOrdinarily(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const bytes = upgradeBytes(request, head, reader)
    if (bytes instanceof Error) return refuseUpgrade(socket, bytes, this.closeTimeout)
    socket.pause()
    socket.unshift(bytes)
    this.server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
    socket.removeListener('error', ignore)
    socket.resume()
  }
}

function ignore(): void {}

/** The path of a request target, in the origin form or the absolute one (RFC 9112 §3.2). */
function pathOf({ url = '/' }: IncomingMessage): string {
  const scheme = url.startsWith('/') ? -1 : url.indexOf('://')
  const start = scheme < 0 ? 0 : url.indexOf('/', scheme + 3)
  if (start < 0) return '/'
  const query = url.indexOf('?', start)
  return url.slice(start, query < 0 ? url.length : query)
}

/** Answers a request that node:http has let go of, and gives its client so many milliseconds to end its side. */
export function refuseUpgrade(
  socket: Duplex,
  error: { status: number; message: string },
  closeTimeout: number,
): void {
  socket.end(Buffer.from(errorAnswer(error, { date: new Date().toUTCString() }), 'latin1'))
  // What the peer still sends is dropped, so that it can end.
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), Math.min(closeTimeout, LONGEST_TIMEOUT))
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
