/** WebSocket.IO's own interface: a program of it runs by importing it from here. See docs/migrating/websocket.io.md. */
export { attach, listen, version } from './listen.ts'
export { protocols } from './protocols.ts'
export { type Options, Server, type ServerEvents } from './server.ts'
export { Socket, type SocketEvents } from './socket.ts'
