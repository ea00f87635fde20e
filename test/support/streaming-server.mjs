/** A server in a process of its own that echoes each message as it arrives, and tells how much memory it took. */
import { Server } from '../../dist/index.js'

let peak = 0
const server = new Server({ stream: true, messageLimit: Number.POSITIVE_INFINITY, compression: false })
server.on('message', (message, _client, writer) => {
  message.pipe(writer.stream({ binary: true }))
})
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss)
}, 20).unref()
server.listen(0, '127.0.0.1', () =>
  process.send({ port: server.address().port, rss: process.memoryUsage().rss }),
)
process.on('message', () => process.send({ peak }))
process.on('disconnect', () => process.exit(0))
