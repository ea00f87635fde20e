/** What the README of wesos promised: WebSockets as streams, with back-pressure. See docs/migrating/wesos.md. */
export { Incoming } from './incoming.ts'
export { Outgoing, type OutgoingOptions } from './outgoing.ts'
export { createServer, type Options, Server } from './server.ts'
export { Socket, type SocketOptions } from './socket.ts'
