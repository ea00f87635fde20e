/** Realms: messages that are annotated with a name, and heard by those who have asked for it. */
import { EventEmitter } from 'node:events'
import type { Client, ClientEvents } from './client.ts'
import type { Listener } from './listener.ts'
import type { AnnotationValues } from './message.ts'

/** The annotation that names a message's realm. */
const REALM = 'r'

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
    listener.on('clientConnect', (client) => this.emit('clientConnect', this.member(client)))
    listener.on('connection', (client) => this.emit('connection', this.member(client)))
    listener.on('clientMessage', (message, client, annotations) => {
      if (annotations[REALM] === name) this.emit('clientMessage', message, this.member(client))
    })
    listener.on('clientDisconnect', (client) => this.emit('clientDisconnect', this.member(client)))
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
    client.on('message', (message, annotations) => {
      if (annotations[REALM] === realm.name) this.emit('message', message, annotations)
    })
    client.on('disconnect', () => this.emit('disconnect'))
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
