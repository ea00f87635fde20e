/** Servers of wesos' facade with a client and its socket. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as wesos from '../../src/compat/wesos/index.ts'
import type { ConnectOptions, WebSocketClient } from '../../src/index.ts'
import { listen, open } from './facades.ts'

export const MIB = 1024 * 1024
export const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

export interface Meeting {
  readonly wserver: wesos.Server
  readonly port: number
  readonly client: WebSocketClient
  readonly wsocket: wesos.Socket
}

export async function serve(
  t: TestContext,
  options: wesos.Options = {},
): Promise<Omit<Meeting, 'client' | 'wsocket'>> {
  const wserver = wesos.createServer(undefined, options)
  const http = createHttpServer()
  wserver.listen(http)
  return { wserver, port: await listen(t, http) }
}

export async function meet(
  t: TestContext,
  options: wesos.Options = {},
  connecting: ConnectOptions = { compression: false },
): Promise<Meeting> {
  const { wserver, port } = await serve(t, options)
  const [[wsocket], client] = await Promise.all([once(wserver, 'open'), open(t, port, connecting)])
  return { wserver, port, client, wsocket }
}

/** A number, once it does not change any more. */
export async function settled(read: () => number): Promise<number> {
  let before = Number.NaN
  for (let same = 0; same < 5; same++) {
    await sleep(20)
    if (read() !== before) same = 0
    before = read()
  }
  return before
}
