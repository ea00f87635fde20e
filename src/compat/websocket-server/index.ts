/**
 * The interface of node-websocket-server: a program of it runs by importing it from here. See
 * docs/migrating/websocket-server.md.
 */
export { Connection, type ConnectionEvents, State } from './connection.ts'
export { Manager, type ManagerEvents } from './manager.ts'
export type { Options } from './options.ts'
export { createServer, Server, type ServerEvents } from './server.ts'
