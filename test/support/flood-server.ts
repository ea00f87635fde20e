/** A server in a process of its own, whose memory can be told; it answers a word of its parent with what it has seen. */
import type { AddressInfo } from 'node:net'
import { Server } from '../../src/index.ts'

/** What the server has seen since it was asked last. */
export interface Seen {
  readonly messages: number
  readonly requests: number
  readonly clients: number
  readonly errors: readonly string[]
  readonly connections: number
  /** The most memory that the process had, in bytes. */
  readonly memory: number
}

let messages = 0
let requests = 0
let clients = 0
let errors: string[] = []
let memory = 0

const server = new Server((message, _client, writer) => {
  messages++
  writer.write(message)
})
server.on('request', (_request, response) => {
  requests++
  response.end('requested')
})
server.on('clientConnect', () => {
  clients++
})
server.on('clientError', (error) => errors.push(String(error.code)))
setInterval(measure, 10)
process.on('message', tell)
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))

function measure(): void {
  memory = Math.max(memory, process.memoryUsage.rss())
}

function tell(): void {
  measure()
  const { connections } = server.stats()
  process.send!({ messages, requests, clients, errors, connections, memory } satisfies Seen)
  messages = 0
  requests = 0
  clients = 0
  errors = []
  memory = 0
}
