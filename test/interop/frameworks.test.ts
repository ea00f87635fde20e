/** Express, Fastify, Hono and Koa behind the same port: by the option `http`, and by the event `request`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { type Application, testFramework } from './support/framework-cases.ts'

const PARTS = ['one ', 'two ', 'three']

async function* parts(): AsyncGenerator<string> {
  for (const part of PARTS) {
    yield part
    await sleep(5)
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

function expressApplication() {
  const app = express()
  app.get('/json', (_request, response) => response.json({ hello: 'world' }))
  app.get('/items/:id', (request, response) =>
    response.json({ id: request.params.id, sort: request.query.sort }),
  )
  app.all('/api/echo', express.text({ limit: '1mb' }), (request, response) =>
    response.send(request.body.toUpperCase()),
  )
  app.get('/stream', async (_request, response) => {
    for await (const part of parts()) response.write(part)
    response.end()
  })
  app.get('/cookie', (_request, response) => response.cookie('a', '1').cookie('b', '2').end())
  app.get('/move', (_request, response) => response.redirect('/json'))
  app.get('/broken', () => {
    throw new Error('broken')
  })
  app.use((_error, _request, response, _next) => response.status(500).end())
  return app
}

testFramework('Express 5 by the option', async () => ({ options: { http: expressApplication() } }))

testFramework('Express 5 by the event', async () => {
  const app = expressApplication()
  return { options: {}, install: (server) => void server.on('request', app) }
})

testFramework('Fastify 5', async (): Promise<Application> => {
  const app = fastify()
  app.get('/json', async () => ({ hello: 'world' }))
  app.get('/items/:id', async (request) => ({
    id: request.params.id,
    sort: request.query.sort,
  }))
  app.route({
    method: ['POST', 'PUT'],
    url: '/api/echo',
    handler: async (request) => request.body.toUpperCase(),
  })
  app.get('/stream', async (_request, reply) => {
    const { Readable } = await import('node:stream')
    return reply.type('text/plain').send(Readable.from(parts()))
  })
  app.get('/cookie', async (_request, reply) => reply.header('set-cookie', ['a=1', 'b=2']).send(''))
  app.get('/move', async (_request, reply) => reply.redirect('/json'))
  app.get('/broken', async () => {
    throw new Error('broken')
  })
  await app.ready()
  return { options: { http: app.server }, close: () => app.close() }
})

testFramework('Hono', async () => {
  const app = new Hono()
  app.get('/json', (context) => context.json({ hello: 'world' }))
  app.get('/items/:id', (context) =>
    context.json({ id: context.req.param('id'), sort: context.req.query('sort') }),
  )
  app.on(['POST', 'PUT'], '/api/echo', async (context) =>
    context.text((await context.req.text()).toUpperCase()),
  )
  app.get('/stream', () => {
    const encoder = new TextEncoder()
    const source = parts()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await source.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
    })
    return new Response(body)
  })
  app.get('/cookie', (context) => {
    context.header('set-cookie', 'a=1', { append: true })
    context.header('set-cookie', 'b=2', { append: true })
    return context.body('')
  })
  app.get('/move', (context) => context.redirect('/json'))
  app.get('/broken', () => {
    throw new Error('broken')
  })
  app.onError((_error, context) => context.body('', 500))
  return { options: { http: getRequestListener(app.fetch) } }
})

testFramework('Koa 3', async () => {
  const app = new Koa()
  app.silent = true
  app.use(async (context) => {
    const { method, path } = context
    if (path === '/json') context.body = { hello: 'world' }
    else if (path.startsWith('/items/')) {
      context.body = { id: decodeURIComponent(path.slice(7)), sort: context.query.sort }
    } else if (path === '/api/echo' && (method === 'POST' || method === 'PUT')) {
      context.body = (await textOf(context.req)).toUpperCase()
    } else if (path === '/stream') {
      const { Readable } = await import('node:stream')
      context.type = 'text/plain'
      context.body = Readable.from(parts())
    } else if (path === '/cookie') {
      context.cookies.set('a', '1')
      context.cookies.set('b', '2')
      context.body = ''
    } else if (path === '/move') context.redirect('/json')
    else if (path === '/broken') throw new Error('broken')
  })
  return { options: { http: app.callback() } }
})
