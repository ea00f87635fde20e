import type { TestContext } from 'node:test'
import type { Client, ServerOptions, Writer } from '../../src/index.ts'
import { type AskingName, SessionClient } from './session-clients.ts'
import { type SessionServing, serveSessions, type WireName } from './session-wires.ts'

type Sessions = Exclude<ServerOptions['sessions'], boolean | undefined>

/** A session on a server that answers nothing: both ends of it. The client asks when it is told to. */
export interface OpenedSession {
  readonly serving: SessionServing
  readonly client: SessionClient
  readonly writer: Writer
  /** The client as the application sees it. */
  readonly seen: Client
}

export async function openSession(
  context: TestContext,
  name: AskingName,
  sessions: Sessions = {},
  options: ServerOptions = {},
  wire: WireName = 'own',
): Promise<OpenedSession> {
  const serving = await serveSessions(context, { ...options, sessions }, wire, () => {})
  const client = new SessionClient(serving.ask, name)
  client.polling = false
  await client.connect()
  const { writer, client: seen } = serving.clients[0]!
  return { serving, client, writer, seen }
}
