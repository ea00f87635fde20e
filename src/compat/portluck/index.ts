/** Portluck's own interface: a program of it runs by importing it from here. See docs/migrating/portluck.md. */
export type { Options } from './options.ts'
export type { ResponseWriter } from './response-writer.ts'
export { type Events, Server } from './server.ts'
