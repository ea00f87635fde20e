/**
 * One program on Portluck 0.4.4 as it was published, or on our facade of it: `node portluck.mjs original|ours [options]`. It
 * prints what it hears, one array a line, and does what messages tell it.
 */
import { createRequire } from 'node:module'

const [, , which, options = '{}'] = process.argv

const { Server } =
  which === 'original'
    ? createRequire(import.meta.url)('portluck')
    : await import('../../../../dist/compat/portluck/index.js')
const { selfSignedCertificate } = await import('../../../../dist/index.js')

function tell(...event) {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

/** The README and the published code differ in the order of arguments. */
const readme = (first, second) => (which === 'original' ? [second, first] : [first, second])

// Without them the original fails on today's Node.
const { key, cert } = selfSignedCertificate()
const server = new Server({ key, cert, ...JSON.parse(options) })

/** Does what a message says. */
const commands = {
  text: (writer, text) => writer.write(text),
  buffer: (writer, text) => writer.write(Buffer.from(text)),
  end: (writer, text) => writer.end(text),
  done: (writer, text) => writer.done(text),
  later(writer, text) {
    writer.endAfterWrite()
    setTimeout(() => writer.write(text), 50)
  },
  fields(writer) {
    writer.setHeader('X-Set', 'set')
    writer.setHeader('X-Removed', 'removed')
    writer.removeHeader('X-Removed')
    writer.writeHead(202)
    writer.end(String(writer.getHeader('X-Removed')))
  },
  close(writer, text) {
    writer.write(text)
    writer.close()
  },
  destroy: (writer) => writer.destroy(),
  ended(writer) {
    writer.end('x')
    tell('ended', writer.ended)
  },
}

server.on('message', (message, ...rest) => {
  const [socket, writer] = readme(rest[0], rest[1])
  tell('message', typeof message === 'string' ? 'string' : 'buffer', String(message), socket.remoteAddress)
  const [command, ...words] = String(message).split(' ')
  if (Object.hasOwn(commands, command)) commands[command](writer, words.join(' ').replace('\r', ''))
})
server.on('clientConnect', (...args) => {
  const [socket, writer] = readme(args[0], args[1])
  tell('clientConnect', socket.remoteAddress, typeof writer.write)
})
server.on('clientDisconnect', () => tell('clientDisconnect'))
server.on('clientError', (error) => tell('clientError', error.code))

server.listen(0, '127.0.0.1', () => tell('listening', server.address().port))
process.stdin.resume().on('end', () => process.exit())
