/** `connect`: a WebSocket client of every version, with the server's own session and codec. */
import { randomFillSync } from 'node:crypto'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { offerDeflate } from '../../ws-codec/handshake/permessage-deflate.ts'
import {
  nonceBytes,
  type OpeningRequest,
  requestHandshake,
  VERSIONS,
  type Version,
} from '../../ws-codec/index.ts'
import { Connection } from '../connection.ts'
import { PortmanteauError } from '../errors.ts'
import { LONGEST_TIMEOUT } from '../limits/deadlines.ts'
import { resolveOptions, type Settings } from '../limits/options.ts'
import type { ServerOptions } from '../limits/server-options.ts'
import { deflateSettings } from '../websocket/compression-options.ts'
import { ClientHandshakeSession } from './client-handshake-session.ts'
import { ClientHost } from './client-host.ts'
import type { WebSocketClient } from './websocket-client.ts'

/** The limits of a server's clients hold for a client, too. */
type SharedOptions = Pick<
  ServerOptions,
  | 'bufferLimit'
  | 'closeTimeout'
  | 'compression'
  | 'frameLimit'
  | 'handshakeTimeout'
  | 'idleTimeout'
  | 'messageLimit'
  | 'pingInterval'
  | 'stream'
  | 'writeLimit'
>

/** Options of `connect`. Times are in milliseconds, sizes in bytes. */
export interface ConnectOptions extends SharedOptions {
  /** The version to speak. Default `'13'`. */
  readonly version?: Version
  /** Subprotocols to offer, the best first. */
  readonly protocols?: readonly string[]
  /** Further fields of the request. */
  readonly headers?: Readonly<Record<string, string>>
  /** The origin to name; hixie-75, hixie-76 and hybi-03 always name one, by default that of the URL. */
  readonly origin?: string
  /** For `wss:`: whatever `tls.connect` takes, such as `ca`, `servername` or `rejectUnauthorized`. */
  readonly tls?: ConnectionOptions
  /** Gives up the attempt. */
  readonly signal?: AbortSignal
}

const DEFAULT_PORTS = new Map([
  ['ws:', 80],
  ['wss:', 443],
])

/**
 * Connects to a WebSocket server.
 *
 * Resolves once the handshake is done; messages that come before a listener is there wait. Rejects with the error of
 * the network, or with `ERR_WS_…` when the server answers otherwise: `status` is then its answer's.
 *
 * @example
 * import { connect } from 'portmanteau'
 *
 * const socket = await connect('ws://localhost:8080/', { version: 'hixie-76' })
 * socket.on('message', (message) => console.log(String(message)))
 * socket.write('hello')
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<WebSocketClient> {
  const target = readUrl(url)
  const version = options.version ?? '13'
  if (!VERSIONS.includes(version)) {
    throw new PortmanteauError(
      'ERR_OPTION',
      `Cannot use option version: ${String(version)} is not one of ${VERSIONS.join(', ')}`,
    )
  }
  const settings = resolveOptions(sharedOptions(options))
  const request = openingRequest(target, version, settings, options)
  const attempt = new AbortController()
  const { signal } = options
  const giveUp = () => attempt.abort(signal?.reason)
  const timer = setTimeout(() => attempt.abort(), Math.min(settings.handshakeTimeout, LONGEST_TIMEOUT))
  signal?.addEventListener('abort', giveUp)
  if (signal?.aborted) giveUp()
  try {
    const socket = await openSocket(target, options, attempt.signal)
    return await shakeHands(socket, request, target.href, settings, attempt.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}

function readUrl(url: string | URL): URL {
  const target = new URL(url)
  if (DEFAULT_PORTS.has(target.protocol)) return target
  throw new PortmanteauError('ERR_OPTION', `Cannot connect: ${target.protocol} is neither ws: nor wss:`)
}

function sharedOptions(options: ConnectOptions): SharedOptions {
  const { version, protocols, headers, origin, tls, signal, ...shared } = options
  return shared
}

function abortError(signal: AbortSignal): Error {
  if (signal.reason instanceof Error && signal.reason.name !== 'AbortError') return signal.reason
  return new PortmanteauError('ERR_WS_CONNECT_ABORTED', 'Cannot connect: it took too long, or was given up', {
    cause: signal.reason,
  })
}

/** RFC 6066 §3: a server name is no address. */
function serverName(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {}
}

function openSocket(target: URL, options: ConnectOptions, signal: AbortSignal): Promise<Socket> {
  const host = target.hostname.replace(/^\[|\]$/g, '')
  const port = target.port === '' ? DEFAULT_PORTS.get(target.protocol)! : Number(target.port)
  const encrypted = target.protocol === 'wss:'
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError(signal))
    const socket = encrypted
      ? connectTls({ host, port, ...serverName(host), ALPNProtocols: ['http/1.1'], ...options.tls })
      : connectTcp({ host, port, allowHalfOpen: true, noDelay: true })
    const abort = () => socket.destroy(abortError(signal))
    const settle = () => {
      signal.removeEventListener('abort', abort)
      socket.removeListener('error', failed)
    }
    const failed = (error: Error) => {
      settle()
      reject(error)
    }
    signal.addEventListener('abort', abort)
    socket.once('error', failed)
    socket.once(encrypted ? 'secureConnect' : 'connect', () => {
      settle()
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

function shakeHands(
  socket: Socket,
  request: OpeningRequest,
  url: string,
  settings: Settings,
  signal: AbortSignal,
): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    const host = new ClientHost(settings, url, resolve, reject)
    const connection = new Connection<ClientHost>(
      host,
      socket,
      (opened) => new ClientHandshakeSession(opened, request.expected),
    )
    signal.addEventListener('abort', () => host.giveUp(connection, abortError(signal)), { once: true })
    connection.write(Buffer.from(request.head, 'latin1'))
    if (request.body.length > 0) connection.write(request.body)
  })
}

function openingRequest(
  target: URL,
  version: Version,
  settings: Settings,
  options: ConnectOptions,
): OpeningRequest {
  const encrypted = target.protocol === 'wss:'
  const { compression } = settings
  const needsOrigin = version === 'hixie-75' || version === 'hixie-76' || version === 'hybi-03'
  const origin =
    options.origin ?? (needsOrigin ? `${encrypted ? 'https' : 'http'}://${target.host}` : undefined)
  return requestHandshake({
    version,
    encrypted,
    host: target.host,
    path: `${target.pathname}${target.search}`,
    ...(origin === undefined ? {} : { origin }),
    ...(options.protocols === undefined ? {} : { protocols: options.protocols }),
    ...(compression === undefined
      ? {}
      : { extensions: offerDeflate(deflateSettings(compression, 'client')) }),
    fields: Object.entries(options.headers ?? {}),
    nonce: randomFillSync(new Uint8Array(nonceBytes(version))),
  })
}
