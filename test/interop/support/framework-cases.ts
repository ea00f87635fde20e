/**
 * What an application behind the port must see and be able to do, whatever framework it is written in, over HTTP/1.1 in
 * clear text and over TLS, and over HTTP/2; beside messages and a WebSocket on the same port.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as requestTls } from 'node:https'
import { type TestContext, test } from 'node:test'
import type { Server, ServerOptions } from 'portmanteau'
import WebSocket from 'ws'
import { certificate, serve } from '../../support/serving.ts'

/** What is asked, and what is answered. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Ask = (asked: Asked) => Promise<Answered>

/** An application with the routes that `routes` says. */
export interface Application {
  readonly options: ServerOptions
  /** Called with the server, for an application that is a listener. */
  readonly install?: (server: Server) => void
  readonly close?: () => unknown
}

/**
 * The routes: GET /json, GET /items/:id with a query, POST and PUT /api/echo (the body in upper case), GET /stream (parts over
 * time), GET /cookie (sets two), GET /move (a redirect to /json), GET /broken (the handler throws), and 404 for all else.
 */
export function testFramework(name: string, makeApplication: () => Promise<Application>): void {
  for (const carrier of ['HTTP/1.1', 'HTTP/1.1 over TLS', 'HTTP/2 over TLS'] as const) {
    test(`${name} over ${carrier}`, async (t) => {
      const { ask, port } = await start(t, makeApplication, carrier)
      await checkReading(ask)
      await checkWriting(ask)
      await checkFailing(ask)
      await checkMessages(t, ask, port, carrier !== 'HTTP/1.1')
    })
  }
}

async function start(t: TestContext, make: () => Promise<Application>, carrier: string) {
  const application = await make()
  t.after(() => application.close?.())
  const serving = await serve(t, {
    ...certificate,
    isMessage: ({ method, url }) => method === 'POST' && !url.startsWith('/api'),
    ...application.options,
  })
  application.install?.(serving.server)
  const ask = carrier === 'HTTP/2 over TLS' ? askHttp2(t, serving.port) : askHttp1(serving.port, carrier)
  return { ask, port: serving.port }
}

async function checkReading(ask: Ask): Promise<void> {
  const json = await ask({ method: 'GET', path: '/json', headers: { 'x-name': 'grüße' } })
  assert.equal(json.status, 200)
  assert.match(String(json.headers['content-type']), /^application\/json/)
  assert.deepEqual(JSON.parse(json.body), { hello: 'world' })
  const item = await ask({ method: 'GET', path: '/items/4%202?sort=new' })
  assert.deepEqual(JSON.parse(item.body), { id: '4 2', sort: 'new' })
  const head = await ask({ method: 'HEAD', path: '/json' })
  assert.deepEqual([head.status, head.body], [200, ''])
  const stream = await ask({ method: 'GET', path: '/stream' })
  assert.equal(stream.body, 'one two three')
}

async function checkWriting(ask: Ask): Promise<void> {
  for (const method of ['POST', 'PUT']) {
    const body = 'a body '.repeat(20_000)
    const headers = { 'content-type': 'text/plain' }
    const echo = await ask({ method, path: '/api/echo', body, headers })
    assert.equal(echo.status, 200)
    assert.equal(echo.body, body.toUpperCase())
  }
  const cookie = await ask({ method: 'GET', path: '/cookie' })
  assert.deepEqual(
    cookie.headers['set-cookie']?.map((line) => line.split(';')[0]),
    ['a=1', 'b=2'],
  )
  const move = await ask({ method: 'GET', path: '/move' })
  assert.equal(move.status, 302)
  assert.equal(move.headers.location, '/json')
}

async function checkFailing(ask: Ask): Promise<void> {
  assert.equal((await ask({ method: 'GET', path: '/nowhere' })).status, 404)
  assert.equal((await ask({ method: 'GET', path: '/broken' })).status, 500)
  assert.equal((await ask({ method: 'GET', path: '/json' })).status, 200, 'and it goes on')
}

/** On the same port, and on the same connection where that is kept. */
async function checkMessages(t: TestContext, ask: Ask, port: number, encrypted: boolean): Promise<void> {
  const message = await ask({ method: 'POST', path: '/', body: 'a message' })
  assert.deepEqual([message.status, message.body], [200, 'a message'])
  const scheme = encrypted ? 'wss' : 'ws'
  const socket = new WebSocket(`${scheme}://127.0.0.1:${port}/`, { rejectUnauthorized: false })
  t.after(() => socket.terminate())
  await once(socket, 'open')
  socket.send('over WebSocket')
  const [data] = await once(socket, 'message')
  assert.equal(String(data), 'over WebSocket')
}

function askHttp1(port: number, carrier: string): Ask {
  const ask = carrier === 'HTTP/1.1' ? request : requestTls
  return ({ method, path, body, headers = {} }) =>
    new Promise((resolve, reject) => {
      const at = { host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false }
      const asked = ask(at, (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          text += part
        })
        answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body: text }))
      })
      asked.on('error', reject)
      asked.end(body)
    })
}

function askHttp2(t: TestContext, port: number): Ask {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  t.after(() => session.destroy())
  return ({ method, path, body, headers = {} }) =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':method': method, ':path': path, ...headers })
      let answered: IncomingHttpHeaders & { ':status'?: number | undefined } = {}
      let text = ''
      stream.setEncoding('utf8')
      stream.on('response', (received) => {
        answered = received
      })
      stream.on('data', (part: string) => {
        text += part
      })
      stream.on('end', () => resolve({ status: answered[':status']!, headers: answered, body: text }))
      stream.on('error', reject)
      stream.end(body)
    })
}
