import { EventEmitter } from 'node:events'
import type { Request, Client as SessionClient, Writer } from '../../index.ts'
import type { Listener } from './listener.ts'
import { type AnnotationValues, type Outgoing, toMessages } from './message.ts'

/** The events of a `Client`. */
export interface ClientEvents {
  /** Text as a string, JSON as what it says. */
  message: [message: unknown, annotations: AnnotationValues]
  disconnect: []
}

/** The request that opened the session. */
export interface ClientRequest extends Request {
  readonly connection: SessionClient
  readonly socket: SessionClient
}

/** A client of Socket.IO, for its whole session. */
export class Client extends EventEmitter<ClientEvents> {
  readonly listener: Listener
  /** Names it to everybody: it is not the id by which it has its session, which stays secret. */
  readonly sessionId: string
  /** Whether the session lasts. */
  connected: boolean
  /** Where it is: `remoteAddress`, `encrypted`, …. */
  readonly connection: SessionClient
  private readonly writer: Writer

  constructor(listener: Listener, connection: SessionClient, writer: Writer) {
    super()
    this.listener = listener
    this.sessionId = connection.id
    this.connected = true
    this.connection = connection
    this.writer = writer
  }

  /** How often it has connected: each poll, and each stream, is once. */
  get connections(): number {
    return this.connection.session!.connections
  }

  get request(): ClientRequest {
    const { connection } = this
    return { ...connection.request!, connection, socket: connection }
  }

  /**
   * Sends a message, an object as JSON; of an array, each element. What cannot leave now waits for the next connection.
   *
   * @param annotations go with it in the encoding 0.7pre
   */
  send(message: unknown, annotations?: AnnotationValues): this {
    this.write(toMessages(message, annotations))
    return this
  }

  /** Sends a message to all other clients. */
  broadcast(message: unknown, annotations?: AnnotationValues): this {
    this.listener.broadcast(message, this.sessionId, annotations)
    return this
  }

  /** @internal */
  write(messages: readonly Outgoing[]): void {
    for (const { text, ...form } of messages) this.writer.write(text, form)
  }
}
