/**
 * One program on walve 2.0.0, wesos's successor, as it was published, or on our facade of wesos: `node wesos.mjs
 * original|ours`. Their names differ, and so there are two of the few lines that use them. It prints what it hears, one array
 * a line, and does what messages tell it.
 */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const [, , which] = process.argv

const seed =
  which === 'original'
    ? createRequire(import.meta.url)('walve')
    : await import('../../../../dist/compat/wesos/index.js')

function tell(...event) {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

function onOriginal(wsocket, answer) {
  wsocket.on('incoming', (incoming) => {
    let text = ''
    incoming.on('readable', () => {
      for (let piece = incoming.read(); piece !== null; piece = incoming.read()) text += piece
    })
    incoming.on('end', () => answer(text, incoming.header.opcode))
  })
}

function sendOriginal(wsocket, text) {
  const outgoing = new seed.Outgoing({ header: { length: Buffer.byteLength(text) } })
  outgoing.pipe(wsocket, { end: false })
  outgoing.end(text)
}

function onOurs(wsocket, answer) {
  wsocket.on('message', (incoming) => {
    let text = ''
    incoming.on('readable', () => {
      for (let piece = incoming.read(); piece !== null; piece = incoming.read()) text += piece
    })
    incoming.on('end', () => answer(text, incoming.isText ? 1 : 2))
  })
}

function sendOurs(wsocket, text) {
  new seed.Outgoing(wsocket).end(text)
}

const [listen, send] = which === 'original' ? [onOriginal, sendOriginal] : [onOurs, sendOurs]

const server = createServer((_request, response) => response.end('a page'))
seed
  .createServer((wsocket) => {
    tell('open')
    wsocket.on('error', () => {})
    wsocket.on('end', () => tell('end'))
    wsocket.on('close', () => tell('close'))
    wsocket.on('ping', (payload) => tell('ping', String(payload)))
    listen(wsocket, (text, opcode) => {
      tell('message', opcode, text)
      if (text.startsWith('echo ')) send(wsocket, text.slice(5))
    })
  })
  .listen(server)
server.listen(0, '127.0.0.1', () => tell('listening', server.address().port))
process.stdin.resume().on('end', () => process.exit())
