/** What the README of wesos promised: WebSockets as streams, with back-pressure. See docs/migrating/wesos.md. */
export { Incoming, type IncomingOptions } from './incoming.ts'
export type { SocketOptions } from './options.ts'
export { Outgoing, type OutgoingOptions } from './outgoing.ts'
export { createServer, type Options, Server } from './server.ts'
export { Socket } from './socket.ts'
