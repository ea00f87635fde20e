/**
 * A page with the published browser's side of Socket.IO 0.6.18: it gets and sends so many messages in order, and goes and
 * comes back in the middle of it, whatever is under way then. Both sides tell at each connection up to where they have come.
 */
import type { TransportName } from '../../../src/index.ts'

/** Messages each way. */
export const MESSAGES = 1_000

/** What every seventh message ends with: what a transport could stumble over. */
export const HARD = '\n+&%é😀</script>\u2028"\\'

/** Browsers no longer read a multipart answer part by part: the page does. */
const MULTIPART = `
io.Transport['xhr-multipart'].check = () => true
io.Transport['xhr-multipart'].prototype.get = function () {
  const abort = new AbortController()
  this.xhr = { abort: () => abort.abort() }
  fetch(this.prepareUrl(), { signal: abort.signal }).then(async (response) => {
    const [, boundary] = /boundary="([^"]+)"/.exec(response.headers.get('content-type'))
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return this.onDisconnect()
      const parts = (rest + value).split('--' + boundary + '\\n')
      rest = parts.pop()
      for (const part of parts) if (part !== '') this.onData(part.slice(part.indexOf('\\n\\n') + 2, -1))
    }
  }).catch(() => {})
}`

/** Only Internet Explorer had \`htmlfile\`: a frame of the page stands for it. */
const HTMLFILE = `
io.Transport.htmlfile.check = () => true
io.Transport.htmlfile.prototype.get = function () {
  this.doc = document
  window.s = this
  this.iframe = document.createElement('iframe')
  this.iframe.src = this.prepareUrl() + '/' + +new Date()
  document.body.appendChild(this.iframe)
}
io.Transport.htmlfile.prototype.destroy = function () { this.iframe.remove() }`

const SHIMS: Partial<Record<TransportName, string>> = {
  'xhr-multipart': MULTIPART,
  htmlfile: HTMLFILE,
}

const SCRIPT = `
const HARD = ${JSON.stringify(HARD)}
const result = { got: 0, wrong: [], connects: 0, disconnects: 0, done: false }
let socket
// A socket that has gone is not used again: what was under way then keeps it from sending ever after.
function open() {
  socket = new io.Socket(null, { port: location.port, transports: [transport], rememberTransport: false })
  let gone = false
  socket.on('connect', () => { if (!gone) result.connects++ })
  socket.on('disconnect', () => {
    if (gone) return
    gone = true
    result.disconnects++
    if (result.disconnects === 1) setTimeout(open, 50)
  })
  socket.on('message', (message) => {
    // A script that is under way cannot be stopped: jsonp-polling takes it for the answer that gives an id.
    if (gone) return
    if (typeof message === 'string') take(message)
    else if (message.done) result.done = true
    else resume(socket, message.resume)
  })
  socket.connect()
}
function take(message) {
  const expected = 's' + result.got + (result.got % 7 === 0 ? HARD : '')
  if (message !== expected) return result.wrong.push(message)
  result.got++
  // Not at once: what else the same batch brings would be taken for an id.
  if (result.got === ${MESSAGES / 2} && result.connects === 1) setTimeout(() => socket.disconnect(), 0)
}
function resume(socket, from) {
  let index = from
  socket.send({ resume: result.got })
  const timer = setInterval(() => {
    if (!socket.connected || index === ${MESSAGES}) return clearInterval(timer)
    for (let count = 0; count < 5 && index < ${MESSAGES}; count++, index++)
      socket.send('c' + index + (index % 7 === 0 ? HARD : ''))
  }, 2)
}
window.result = result
open()`

export function socketPage(transport: TransportName): string {
  return `<!doctype html><meta charset="utf-8"><title>${transport}</title><body>
<script src="/socket.io/socket.io.js"></script>
<script>
const transport = ${JSON.stringify(transport)}
${SHIMS[transport] ?? ''}
${SCRIPT.replaceAll('</script>', '\\u003c/script>')}
</script>`
}

/** What the page has come to. */
export interface PageResult {
  readonly got: number
  readonly wrong: readonly unknown[]
  readonly connects: number
  readonly disconnects: number
  readonly done: boolean
}
