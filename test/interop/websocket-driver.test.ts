/** The npm package websocket-driver, whose client is of version 13, with the npm package permessage-deflate. */
import { connect as connectTcp } from 'node:net'
import type { TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import deflate from 'permessage-deflate'
import drivers, { type Driver } from 'websocket-driver'
import { LocalPeer, type PeerAction, type PeerOptions } from './support/peer.ts'
import { type Connect, testClient } from './support/peer-cases.ts'

class DriverPeer extends LocalPeer {
  readonly #driver: Driver

  constructor(t: TestContext, url: string, options: PeerOptions) {
    super()
    const { protocol, hostname: host, port } = new URL(url)
    const driver = drivers.client(url, { protocols: options.protocols ?? [] })
    if (options.origin !== undefined) driver.setHeader('Origin', options.origin)
    if (options.deflate) driver.addExtension(deflate)
    this.#driver = driver
    driver.on('open', () => {
      const extensions = driver.headers['sec-websocket-extensions']
      this.tell({ event: 'open', subprotocol: driver.protocol ?? undefined, extensions })
    })
    driver.on('message', ({ data }: { data: string | Buffer }) =>
      this.tell({ event: typeof data === 'string' ? 'text' : 'binary', data: Buffer.from(data as string) }),
    )
    driver.on('error', ({ message }: Error) => this.tell({ event: 'error', message }))
    driver.on('close', ({ code, reason }: { code: number; reason: string }) =>
      this.tell({ event: 'close', code, reason }),
    )
    const start = (): void => void driver.start()
    const socket =
      protocol === 'wss:'
        ? connectTls({ host, port: Number(port), rejectUnauthorized: false }, start)
        : connectTcp({ host, port: Number(port) }, start)
    socket.pipe(driver.io)
    driver.io.pipe(socket)
    socket.on('error', ({ message }: Error) => this.tell({ event: 'error', message }))
    socket.on('close', () => this.tell({ event: 'end' }))
    t.after(() => socket.destroy())
  }

  override act(action: PeerAction): void {
    switch (action.do) {
      case 'text':
        return void this.#driver.text(String(action.data))
      case 'binary':
        return void this.#driver.binary(action.data)
      case 'ping':
        return void this.#driver.ping(String(action.data), () =>
          this.tell({ event: 'pong', data: action.data }),
        )
      case 'fragments':
        throw new Error('Cannot send fragments: the driver has none')
      case 'close':
        return void this.#driver.close(action.reason, action.code)
    }
  }
}

const connect: Connect = async (t, url, _version, options) => {
  const peer = new DriverPeer(t, url, options)
  await peer.sees('open')
  return peer
}

testClient('websocket-driver 0.7.4', '13', connect, {
  binary: true,
  ping: true,
  close: 'codes',
  tls: true,
  deflate: true,
  origin: true,
  protocols: true,
})
