/**
 * Collects JSON lines from anything that can send them: devices over TCP, scripts with curl, pages over
 * WebSocket. `node --import tsx examples/log-sink.ts`, then one of
 *
 *     echo '{"level":"info","text":"from nc"}' | nc -N localhost 8080
 *     curl --data-binary @events.ndjson http://localhost:8080/
 */
import { Server } from 'portmanteau'

const server = new Server((message, socket, writer) => {
  let entry: unknown
  try {
    entry = JSON.parse(message.toString())
  } catch {
    if (socket.protocol === 'http') writer.writeHead(400)
    writer.write(JSON.stringify({ error: 'not JSON' }))
    return
  }
  console.log(JSON.stringify({ from: socket.remoteAddress, by: socket.protocol, entry }))
})

server.on('clientError', (error, socket) =>
  console.error(`${socket.remoteAddress}: ${error.code} ${error.message}`),
)
server.listen(8080)
