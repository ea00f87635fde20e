/**
 * A server of node:http or node:https that somebody else has, as far as more than its WebSockets is taken: the requests of
 * sessions, and Flash's policy request, which node:http cannot read. What is taken the server's own listeners do not hear of,
 * those that come later among them: `emit` is asked, for nothing else keeps a listener from hearing an event.
 */
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Host } from '../host.ts'
import { AttachedSessions } from '../sessions/attached-sessions.ts'
import type { SidePorts } from './side-ports.ts'

/** What of a server is needed. */
export interface AttachableServer {
  readonly listening?: boolean
  address?(): AddressInfo | string | null
  // biome-ignore lint/suspicious/noExplicitAny: the arguments of each event, as Node types them
  emit(event: any, ...args: any[]): boolean
}

const POLICY_REQUEST = '<policy-file-request/>\0'

export class AttachedServer {
  private readonly host: Host
  private readonly server: AttachableServer
  private readonly sidePorts: SidePorts
  private readonly sessions: AttachedSessions | undefined

  constructor(host: Host, server: AttachableServer, sidePorts: SidePorts) {
    this.host = host
    this.server = server
    this.sidePorts = sidePorts
    this.sessions = host.sessionHub && new AttachedSessions(host, host.sessionHub, server)
    this.intercept()
    if (server.listening === true) this.openPorts()
  }

  /** What listens beside it does so no longer. */
  close(): void {
    this.sidePorts.close()
  }

  private intercept(): void {
    const { server } = this
    const { emit } = server
    server.emit = (event: unknown, ...args: unknown[]) =>
      this.take(event, args) || emit.call(server, event, ...args)
  }

  /** Whether no listener is to hear of an event. */
  private take(event: unknown, args: readonly unknown[]): boolean {
    if (event === 'listening') this.openPorts()
    else if (event === 'close') this.close()
    else if (this.host.closing) return false
    else if (event === 'clientError') return this.takePolicyRequest(args[0] as RawError, args[1] as Duplex)
    return this.sessions?.take(event, args) === true
  }

  private openPorts(): void {
    const at = this.at
    if (at !== undefined && !this.host.closing) this.sidePorts.open(at)
  }

  private get at(): AddressInfo | undefined {
    const at = this.server.address?.()
    return typeof at === 'object' && at !== null ? at : undefined
  }

  /** It comes in one packet, which node:http shows with its error. */
  private takePolicyRequest({ rawPacket }: RawError, socket: Duplex): boolean {
    const { at } = this
    const asked = rawPacket?.toString('latin1') === POLICY_REQUEST
    if (!asked || at === undefined || this.host.settings.flashPolicy === undefined) return false
    socket.end(this.host.door.flashPolicy(at.port))
    return true
  }
}

/** What node:http has made of bytes that it could not read. */
type RawError = Error & { readonly rawPacket?: Buffer }
