/** Clients that connect, ask once, and close: what accepting costs a server, in a process of its own. */
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface ConnectionLoad {
  readonly port: number
  readonly encrypted: boolean
  readonly milliseconds: number
}

const AT_ONCE = 32
const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

/** One connection after the other on each of 32 lines; resolves with how many were answered. */
async function run({ port, encrypted, milliseconds }: ConnectionLoad): Promise<number> {
  const until = performance.now() + milliseconds
  const lines = Array.from({ length: AT_ONCE }, async () => {
    let answered = 0
    while (performance.now() < until) {
      await ask(port, encrypted)
      answered++
    }
    return answered
  })
  return (await Promise.all(lines)).reduce((sum, count) => sum + count, 0)
}

function ask(port: number, encrypted: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const at = { port, host: '127.0.0.1' }
    const socket = encrypted ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at)
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    socket.on('error', reject)
    socket.on('close', () =>
      received > 0 ? resolve() : reject(new Error('Cannot measure: a connection was not answered')),
    )
    socket.end(REQUEST)
  })
}

process.on('disconnect', () => process.exit())
process.on('message', (load: ConnectionLoad) => {
  run(load).then(
    (messages) => process.send!({ messages }),
    (error: Error) => process.send!({ messages: 0, error: error.message }),
  )
})
process.send!('ready')
