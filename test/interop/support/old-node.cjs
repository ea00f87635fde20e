/** What Node has taken away since 2010, put back for programs of that time: `node --require old-node.cjs program`. */
const crypto = require('node:crypto')
const { EventEmitter } = require('node:events')
const http = require('node:http')
const net = require('node:net')

process.EventEmitter = EventEmitter

const { update } = crypto.Hash.prototype
crypto.Hash.prototype.update = function (data, encoding) {
  return update.call(this, data, encoding ?? (typeof data === 'string' ? 'latin1' : undefined))
}

http.createClient = (port, host) => {
  const client = new EventEmitter()
  client.request = (method, path, headers) =>
    http.request({ port, host, method, path, headers, agent: false })
  return client
}

// Node lets nobody set the encoding of a socket that a server has parsed, not even once the server has let go of it.
const { emit } = http.Server.prototype
http.Server.prototype.emit = function (event, ...args) {
  if (event === 'upgrade' && args[1] instanceof net.Socket) Reflect.deleteProperty(args[1], 'setEncoding')
  return emit.call(this, event, ...args)
}
