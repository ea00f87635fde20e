/** What node:http has read of an upgrade, written down again: as Node up to 24 gives it, and as Node 26 does. */
import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { RequestHead } from '../src/http/index.ts'
import { upgradeBytes } from '../src/node/http/handed/upgrade-bytes.ts'

const OFFER = ['Connection', 'Upgrade', 'Upgrade', 'h2c']
const HEAD = 'POST /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n'

/** `body` is what node:http has read of it; `undefined`: it has read none. */
function upgrade(fields: readonly string[], rest: string, body?: string, complete = true): unknown {
  const request = new IncomingMessage(new Socket())
  Object.assign(request, { method: 'POST', url: '/x', httpVersionMajor: 1, httpVersionMinor: 1, complete })
  request.rawHeaders = ['Host', 'a', ...fields]
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    request.headers[request.rawHeaders[at]!.toLowerCase()] = request.rawHeaders[at + 1]!
  }
  if (body !== undefined) request.push(body)
  if (complete) request.push(null)
  const bytes = upgradeBytes(request, Buffer.from(rest), new RequestHead())
  return bytes instanceof Error ? bytes.code : bytes.toString('latin1')
}

test('what follows is left as it came, without the offer', () => {
  assert.equal(upgrade(OFFER, 'GET / '), `${HEAD}\r\nGET / `)
  const length = ['Content-Length', '3']
  assert.equal(upgrade([...OFFER, ...length], 'abcGET'), `${HEAD}Content-Length: 3\r\n\r\nabcGET`)
})

test('the offer of a WebSocket is kept', () => {
  const text = upgrade(['Upgrade', 'h2c, WebSocket'], 'frames')
  assert.equal(text, 'POST /x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, WebSocket\r\n\r\nframes')
})

test('a body that was read is in front of what follows, with its length, however it was framed', () => {
  const expected = `${HEAD}Content-Length: 3\r\n\r\nabcGET`
  assert.equal(upgrade([...OFFER, 'Content-Length', '3'], 'GET', 'abc'), expected)
  assert.equal(upgrade([...OFFER, 'Transfer-Encoding', 'chunked'], 'GET', 'abc'), expected)
})

test('what our own reader refuses is refused though node:http has read it', () => {
  const coded = [...OFFER, 'Transfer-Encoding', 'gzip, chunked']
  assert.equal(upgrade(coded, '', 'abc'), 'ERR_HTTP_TRANSFER_CODING_UNKNOWN')
})

test('a body that has not come cannot be waited for', () => {
  assert.equal(upgrade([...OFFER, 'Content-Length', '3'], '', undefined, false), 'ERR_HTTP_UPGRADE_BODY')
  assert.equal(upgrade([...OFFER, 'Content-Length', '3'], '', 'ab', false), 'ERR_HTTP_UPGRADE_BODY')
})

test('where an empty body in chunks leaves no trace it is not guessed at', () => {
  const expected =
    Number.parseInt(process.versions.node, 10) < 25
      ? `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET`
      : 'ERR_HTTP_UPGRADE_BODY'
  assert.equal(upgrade([...OFFER, 'Transfer-Encoding', 'chunked'], '0\r\n\r\nGET'), expected)
})
