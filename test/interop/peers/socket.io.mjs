/**
 * One program on Socket.IO 0.6.18 as it was published, or on our facade of it: `node socket.io.mjs original|ours`. It prints
 * what it hears, one object a line, and does what messages tell it.
 */
import crypto from 'node:crypto'
import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const [, , which] = process.argv

/** What Node has taken away since 2011, for the original. */
function loadOriginal() {
  process.EventEmitter = EventEmitter
  const { update } = crypto.Hash.prototype
  crypto.Hash.prototype.update = function (data, encoding) {
    return update.call(this, data, encoding ?? (typeof data === 'string' ? 'latin1' : undefined))
  }
  return createRequire(import.meta.url)('socket.io')
}

const io = which === 'original' ? loadOriginal() : await import('../../../dist/compat/socket.io/index.js')

function tell(event, ...rest) {
  process.stdout.write(`${JSON.stringify([event, ...rest])}\n`)
}

const server = createServer((request, response) => response.end(`application ${request.url}`))
// Node lets nobody set the encoding of a socket of a server's, not even once the server has let go of it.
if (which === 'original')
  server.on('upgrade', (_request, socket) => Reflect.deleteProperty(socket, 'setEncoding'))
const listener = io.listen(server, {
  log: false,
  flashPolicyServer: false,
  transportOptions: {
    'xhr-polling': { timeout: null, duration: 300, closeTimeout: 600 },
    'jsonp-polling': { timeout: null, duration: 300, closeTimeout: 600 },
    htmlfile: { heartbeatInterval: 300, timeout: 300 },
  },
})

/** Does what a message says. */
const commands = {
  echo: (client, text) => client.send(text),
  json: (client) => client.send({ an: ['object'] }),
  list: (client) => client.send(['one', 'two']),
  nothing: (client) => client.send(null),
  number: (client) => client.send(42),
  many: (client) => [1, 2, 3].map((number) => client.send(`many ${number}`)),
  broadcast: (client, text) => client.broadcast(text),
  all: (_client, text) => listener.broadcast(text),
  except: (client, text) => listener.broadcast(text, [client.sessionId]),
}

listener.on('clientConnect', () => tell('clientConnect', Object.keys(listener.clients).length))
listener.on('clientMessage', (message) => tell('clientMessage', message))
listener.on('clientDisconnect', () => tell('clientDisconnect', Object.keys(listener.clients).length))
listener.on('connection', (client) => {
  tell('connection', client.connected, client.listener === listener, client.sessionId in listener.clients)
  client.on('message', (message) => {
    tell('message', message)
    const [command, ...rest] = String(message).split(' ')
    if (Object.hasOwn(commands, command)) commands[command](client, rest.join(' '))
  })
  client.on('disconnect', () => tell('disconnect', client.connected))
})

server.listen(0, '127.0.0.1', () => tell('listening', server.address().port))
process.stdin.resume().on('end', () => process.exit())
