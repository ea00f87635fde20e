/** Servers of node-websocket-server's face, and the clients that meet them. */
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import type * as ws from '../../src/compat/websocket-server/index.ts'
import type { ConnectOptions, WebSocketClient } from '../../src/index.ts'
import { open, portOf } from './facades.ts'

/** Has a server of its listen; closed when the test ends. */
export async function start(t: TestContext, server: ws.Server): Promise<number> {
  const streams = new Set<{ destroy(): void }>()
  server.on('stream', (stream) => streams.add(stream))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const stream of streams) stream.destroy()
  })
  return portOf(server.server)
}

/** A client, and the connection that the server has of it. */
export async function meet(
  t: TestContext,
  server: ws.Server,
  port: number,
  options: ConnectOptions = {},
): Promise<[socket: WebSocketClient, connection: ws.Connection]> {
  const [[connection], socket] = await Promise.all([once(server, 'connection'), open(t, port, options)])
  return [socket, connection as ws.Connection]
}
