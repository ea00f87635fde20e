import type { ServerHttp2Stream } from 'node:http2'
import type { Endpoint } from '../endpoint.ts'

const ADDRESSES = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort'] as const

/** Has a stream tell where its client is, as a socket does. */
export function located(stream: ServerHttp2Stream, endpoint: Endpoint): ServerHttp2Stream {
  for (const name of ADDRESSES) {
    Object.defineProperty(stream, name, { value: endpoint[name], configurable: true })
  }
  return stream
}
