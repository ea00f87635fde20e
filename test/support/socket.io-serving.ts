/** Programs on the facade of Socket.IO-node, and clients of theirs. */
import { once } from 'node:events'
import { createServer, type Server as HttpServer, request } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import type { TestContext } from 'node:test'
import io, { type Listener, type Options } from '../../src/compat/socket.io/index.ts'
import { connect } from '../../src/index.ts'
import { until } from './serving.ts'
import { frames06, SessionClient } from './session-clients.ts'
import { askHttp } from './session-wires.ts'

export const QUIET: Options = { log: false, flashPolicyServer: false }

export interface Serving {
  readonly server: HttpServer
  readonly socket: Listener
  readonly port: number
}

export async function serve(
  t: TestContext,
  options: Options = {},
  server = createServer(),
): Promise<Serving> {
  const socket = io.listen(server, { ...QUIET, ...options })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, socket, port: (server.address() as AddressInfo).port }
}

/** A client over WebSocket: frames behind the id. */
export async function joinSocket(
  t: TestContext,
  { port }: Serving,
  path = '/socket.io/websocket',
  decode = frames06,
) {
  const socket = await connect(`ws://127.0.0.1:${port}${path}`)
  t.after(() => socket.destroy())
  const frames: string[] = []
  let closed = false
  socket.on('message', (message) => frames.push(...decode(String(message))))
  socket.on('close', () => {
    closed = true
  })
  await until(() => frames.length > 0)
  return { socket, id: frames.shift()!, frames, isClosed: () => closed }
}

export async function joinPolling(t: TestContext, { port }: Serving): Promise<SessionClient> {
  const client = new SessionClient((path, asked) => askHttp(t, port, path, asked), 'xhr-polling')
  t.after(() => {
    client.polling = false
  })
  return client.connect()
}

export async function get(port: number, path: string): Promise<string> {
  const outgoing = request({ host: '127.0.0.1', port, path, agent: false })
  outgoing.end()
  const [response] = await once(outgoing, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return `${response.statusCode} ${body}`
}

export async function askPolicy(port: number): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.end('<policy-file-request/>\0')
  let xml = ''
  for await (const chunk of socket) xml += chunk
  return xml
}
