/**
 * One program on WebSocket.IO 0.2.1 as it was published, or on our facade of it: `node websocket.io.mjs original|ours
 * [options]`. It prints what it hears, one array a line, and does what messages tell it.
 */
import { createRequire } from 'node:module'

const [, , which, options = '{}'] = process.argv

const ws =
  which === 'original'
    ? createRequire(import.meta.url)('websocket.io')
    : await import('../../../../dist/compat/websocket.io/index.js')

function tell(...event) {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

const server = ws.listen(0, () => tell('listening', server.httpServer.address().port), JSON.parse(options))

function about(socket) {
  return [socket.name, socket.protocolVersion, socket.readyState, socket.req.url, typeof socket.socket.write]
}

/** Does what a message says. */
const commands = {
  text: (socket, text) => tell('chained', socket.send(text) === socket),
  write: (socket, text) => socket.write(text),
  all(_socket, text) {
    for (const index in server.clients) server.clients[index]?.send(text)
  },
  count: (socket) => socket.send(String(server.clientsCount)),
  close: (socket) => socket.close(),
  end: (socket) => socket.end(),
  destroy: (socket) => socket.destroy(),
}

server.on('connection', (socket) => {
  tell('connection', ...about(socket))
  socket.on('message', (message) => {
    tell('message', String(message))
    const [command, ...words] = String(message).split(' ')
    if (Object.hasOwn(commands, command)) commands[command](socket, words.join(' '))
  })
  socket.on('data', (data) => tell('data', String(data)))
  socket.on('close', () => tell('close', socket.readyState))
  socket.on('error', () => tell('error'))
})

process.stdin.resume().on('end', () => process.exit())
