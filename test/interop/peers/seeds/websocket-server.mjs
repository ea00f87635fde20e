/**
 * One program on node-websocket-server 1.1.4 as it was published, or on our facade of it: `node websocket-server.mjs
 * original|ours [options]`. It prints what it hears, one array a line, and does what messages tell it.
 */
import { createRequire } from 'node:module'

const [, , which, options = '{}'] = process.argv

const ws =
  which === 'original'
    ? createRequire(import.meta.url)('node-websocket-server')
    : await import('../../../../dist/compat/websocket-server/index.js')

function tell(...event) {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

const server = ws.createServer(JSON.parse(options))

/** Does what a message says. */
const commands = {
  text: (connection, text) => connection.write(text),
  send: (connection, text) => connection.send(text),
  others: (connection, text) => connection.broadcast(text),
  all: (_connection, text) => server.broadcast(text),
  self: (connection, text) => server.send(connection.id, text),
  nobody: (_connection, text) => server.send('nobody', text),
  version: (connection) => connection.write(connection.version),
  count: (connection) => connection.write(String(server.manager.length)),
  versions: (connection) => connection.write(server.manager.map(({ version }) => version).join()),
  close: (connection) => connection.close(),
  reject: (connection, text) => connection.reject(text),
  handshake: () => {},
}

server.addListener('connection', (connection) => {
  tell('connection', connection.version, typeof connection.id)
  connection.addListener('stateChange', (state, previous) => tell('stateChange', state, previous))
  connection.addListener('message', (message) => {
    tell('message', message)
    const [command, ...words] = String(message).split(' ')
    if (Object.hasOwn(commands, command)) commands[command](connection, words.join(' '))
  })
  connection.addListener('close', () => tell('close'))
  connection.addListener('rejected', () => tell('rejected'))
})
server.addListener('disconnect', (connection) => tell('server disconnect', connection.version))
server.addListener('request', (request, response) => {
  tell('request', request.method, request.url)
  response.end('a page')
})
server.addListener('listening', () => tell('listening', server.server.address().port))

server.listen(0, '127.0.0.1')
process.stdin.resume().on('end', () => process.exit())
