/** Socket.IO-node's own interface: a program of it runs by importing it from here. See docs/migrating/socket.io.md. */
import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { Client } from './client.ts'
import { Listener } from './listener.ts'
import type { Options } from './options.ts'

export type { AnnotationValues } from './message.ts'
export type { Options, TransportOptions } from './options.ts'
export type { Realm, RealmClient } from './realm.ts'
export { Client, Listener }

/** The version whose published clients it serves. */
export const version = '0.6.18'

/**
 * Serves Socket.IO on a server that exists, which keeps all other requests; or on a port of its own.
 *
 * @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value
 * @example
 * import { createServer } from 'node:http'
 * import * as io from 'portmanteau/compat/socket.io'
 *
 * const server = createServer((request, response) => response.end('<h1>Hello world</h1>'))
 * server.listen(8080)
 * const socket = io.listen(server)
 * socket.on('connection', (client) => {
 *   client.on('message', (message) => client.broadcast(message))
 * })
 */
export function listen(server: HttpServer | HttpsServer | number, options?: Options | null): Listener {
  return new Listener(server, options)
}

const io: { readonly listen: typeof listen; readonly Listener: typeof Listener; readonly version: string } = {
  listen,
  Listener,
  version,
}

export default io
