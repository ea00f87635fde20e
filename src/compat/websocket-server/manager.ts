import { EventEmitter } from 'node:events'
import type { Connection } from './connection.ts'

export interface ManagerEvents {
  attach: [connection: Connection]
  detach: [connection: Connection]
}

/** The connections of a server, in the order in which they came. */
export class Manager extends EventEmitter<ManagerEvents> {
  private readonly connections: Map<string, Connection>

  constructor() {
    super()
    this.connections = new Map()
  }

  get length(): number {
    return this.connections.size
  }

  /** Takes a connection in. */
  attach(connection: Connection): void {
    this.connections.set(connection.id, connection)
    this.emit('attach', connection)
  }

  /** Lets a connection go. */
  detach(connection: Connection): void {
    if (this.connections.delete(connection.id)) this.emit('detach', connection)
  }

  /** Calls back with the connection of that id, if there is one. */
  find(id: string, callback: (connection: Connection) => void, thisArg?: unknown): void {
    const connection = this.connections.get(id)
    if (connection !== undefined) callback.call(thisArg, connection)
  }

  forEach(callback: (connection: Connection) => void, thisArg?: unknown): void {
    for (const connection of [...this.connections.values()]) callback.call(thisArg, connection)
  }

  map<Result>(callback: (connection: Connection, index: number) => Result, thisArg?: unknown): Result[] {
    return [...this.connections.values()].map((connection, index) => {
      return callback.call(thisArg, connection, index)
    })
  }

  filter(callback: (connection: Connection, index: number) => unknown, thisArg?: unknown): Connection[] {
    return [...this.connections.values()].filter((connection, index) => {
      return callback.call(thisArg, connection, index)
    })
  }
}
