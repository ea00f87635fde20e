/** The upgrades of a server of node:http or node:https that somebody else has. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorAnswer } from '../../http/index.ts'
import { asksForWebSocket, requestBytes } from './request.ts'

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

/** Gives the taker every WebSocket that is asked for on the server, those of one path, or with `false` none. */
export function attachTo(
  server: UpgradingServer,
  taker: UpgradeTaker,
  path: string | false | undefined,
): void {
  server.on('upgrade', (request, socket, head) => {
    // Whoever takes it in the end: a reset in the meantime must not end the process.
    socket.on('error', ignore)
    const asked = asksForWebSocket(request)
    if (asked && (path === undefined || pathOf(request) === path)) taker.handleUpgrade(request, socket, head)
    else if (server.listenerCount('upgrade') > 1) return
    else if (asked) refuse(socket)
    else serveOrdinarily(server, request, socket, head)
  })
}

function ignore(): void {}

function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

function refuse(socket: Duplex): void {
  const error = { status: 404, message: 'Cannot accept the WebSocket: there is none at this path' }
  socket.end(Buffer.from(errorAnswer(error, { date: new Date().toUTCString() }), 'latin1'))
  // What the peer still sends is dropped, so that it can end.
  socket.resume()
}

/**
 * RFC 9110 §7.8: an upgrade may be ignored, and curl offers h2c with every request. node:http has taken its hands off the
 * socket: it is handed to it once more, as a connection that begins with the same request without the offer.
 */
function serveOrdinarily(
  server: UpgradingServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.pause()
  socket.unshift(requestBytes(request, head, (name) => name === 'upgrade'))
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
  socket.removeListener('error', ignore)
  socket.resume()
}
