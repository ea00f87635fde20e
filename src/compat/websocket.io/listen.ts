import { createServer, type Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { type Options, Server } from './server.ts'

/** The version of WebSocket.IO whose interface this is. */
export const version = '0.2.1'

/**
 * Makes an `http.Server` on that port, whose WebSockets are taken; other requests get 501. Options and callback come in
 * either order. The `http.Server` is `httpServer` of what is returned.
 */
export function listen(port: number, ...rest: (Options | (() => void) | null | undefined)[]): Server {
  const callback = rest.find((each) => typeof each === 'function')
  const options = rest.find((each) => typeof each === 'object' && each !== null) as Options | undefined
  const httpServer = createServer((_request, response) => {
    response.writeHead(501)
    response.end('Not Implemented')
  })
  httpServer.listen(port, callback as (() => void) | undefined)
  const server = attach(httpServer, options)
  server.httpServer = httpServer
  return server
}

/** Takes the WebSockets of a server of `node:http` or `node:https`. */
export function attach(httpServer: HttpServer | HttpsServer, options?: Options | null): Server {
  return new Server(options).attachTo(httpServer)
}
