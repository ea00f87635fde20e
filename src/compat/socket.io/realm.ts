/** Realms: messages that are annotated with a name, and heard by those who have asked for it. */
import { EventEmitter } from 'node:events'
import type { Client, ClientEvents } from './client.ts'
import type { Listener } from './listener.ts'
import type { AnnotationValues } from './message.ts'
import { tell } from './telling.ts'

/** The annotation that names a message's realm. */
export const REALM = 'r'

/** The events of a `Realm`: those of its listener, about what is in the realm. */
export interface RealmEvents {
  connection: [client: RealmClient]
  clientConnect: [client: RealmClient]
  clientMessage: [message: unknown, client: RealmClient]
  clientDisconnect: [client: RealmClient]
}

/** Every client is in every realm: what it says there is heard there. Only the encoding 0.7pre has realms. */
export class Realm extends EventEmitter<RealmEvents> {
  readonly name: string
  readonly listener: Listener
  private readonly members: WeakMap<Client, RealmClient>

  constructor(name: string, listener: Listener) {
    super()
    this.name = name
    this.listener = listener
    this.members = new WeakMap()
  }

  get clients(): Listener['clients'] {
    return this.listener.clients
  }

  get options(): Listener['options'] {
    return this.listener.options
  }

  get server(): Listener['server'] {
    return this.listener.server
  }

  /** Sends a message in the realm to all clients, but for these. */
  broadcast(message: unknown, except?: string | readonly string[], annotations?: AnnotationValues): this {
    this.listener.broadcast(message, except, { ...annotations, [REALM]: this.name })
    return this
  }

  /** @internal */
  connected(client: Client): void {
    const member = this.member(client)
    tell(() => this.emit('clientConnect', member))
    tell(() => this.emit('connection', member))
  }

  /** @internal A message of this realm. */
  received(message: unknown, client: Client, annotations: AnnotationValues): void {
    const member = this.member(client)
    tell(() => member.emit('message', message, annotations))
    tell(() => this.emit('clientMessage', message, member))
  }

  /** @internal */
  disconnected(client: Client): void {
    const member = this.member(client)
    tell(() => member.emit('disconnect'))
    tell(() => this.emit('clientDisconnect', member))
  }

  private member(client: Client): RealmClient {
    let member = this.members.get(client)
    if (member === undefined) this.members.set(client, (member = new RealmClient(this, client)))
    return member
  }
}

/** A client, as far as it is in a realm. */
export class RealmClient extends EventEmitter<ClientEvents> {
  readonly realm: Realm
  /** The client itself, in whatever realm. */
  readonly client: Client

  constructor(realm: Realm, client: Client) {
    super()
    this.realm = realm
    this.client = client
  }

  get sessionId(): string {
    return this.client.sessionId
  }

  get connected(): boolean {
    return this.client.connected
  }

  send(message: unknown, annotations?: AnnotationValues): this {
    this.client.send(message, { ...annotations, [REALM]: this.realm.name })
    return this
  }

  broadcast(message: unknown, annotations?: AnnotationValues): this {
    this.realm.broadcast(message, this.sessionId, annotations)
    return this
  }
}
