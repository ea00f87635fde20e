/** What the application hears and is asked: its listeners, and what becomes of what they throw. */
import type { EventEmitter } from 'node:events'
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Client } from './client/client.ts'
import type { Connection } from './connection.ts'
import type { ConnectionHost, Failed, Message } from './host.ts'
import type { Writer } from './writer.ts'

const FAILED: Failed = { status: 500, message: 'Cannot answer: the application has failed' }

type Listener = (...args: unknown[]) => unknown

export class Application {
  protected readonly emitter: EventEmitter
  /** A server of node:http that takes requests in the place of listeners. */
  private readonly httpServer: HttpServer | undefined
  /** The listeners of `message`, until one comes or goes: the emitter copies them each time it is asked. */
  private listeners: Listener[] | undefined

  constructor(emitter: EventEmitter, httpServer: HttpServer | undefined) {
    this.emitter = emitter
    this.httpServer = httpServer
    this.listeners = undefined
    const forget = (event: string | symbol) => {
      if (event === 'message') this.listeners = undefined
    }
    emitter.on('newListener', forget)
    emitter.on('removeListener', forget)
  }

  get servesRequests(): boolean {
    return (this.httpServer ?? this.emitter).listenerCount('request') > 0
  }

  deliver(message: Message, client: Client, writer: Writer): Promise<boolean> | undefined {
    const listeners = (this.listeners ??= this.emitter.rawListeners('message') as Listener[])
    if ((listeners.length === 0 || client.listening) && Buffer.isBuffer(message)) client.keep(message)
    let pending: Promise<boolean> | undefined
    for (const listener of listeners) {
      const settled = this.call(listener, message, client, writer)
      if (settled === undefined) continue
      pending = pending === undefined ? settled : bothSucceed(pending, settled)
    }
    return pending
  }

  /** A request that waits for `100 Continue` gets it, unless the application looks at such requests itself. */
  request(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const taker = this.httpServer ?? this.emitter
    const looks = expectsContinue && taker.listenerCount('checkContinue') > 0
    if (expectsContinue && !looks) response.writeContinue()
    const event = looks ? 'checkContinue' : 'request'
    this.guard(
      () => taker.emit(event, request, response),
      () => failResponse(response),
    )
  }

  ask<Answer>(question: () => Answer | Promise<Answer>): Answer | Promise<Answer | Failed> | Failed {
    try {
      const answer = question()
      if (!(answer instanceof Promise)) return answer
      return answer.catch((reason) => {
        rethrowRejection(reason)
        return FAILED
      })
    } catch (error) {
      rethrow(error)
      return FAILED
    }
  }

  report(error: Error, connection: Connection<ConnectionHost>): void {
    this.reportOf(error, connection.client ?? connection.socket)
  }

  reportOf(error: Error, client: Client | Duplex): void {
    this.guard(() => this.emitter.emit('clientError', error, client))
  }

  guard(act: () => void, failed?: () => void): void {
    try {
      act()
    } catch (error) {
      rethrow(error)
      failed?.()
    }
  }

  /** A listener that throws or rejects ends as it would anywhere in Node, but never in the middle of a session. */
  private call(
    listener: Listener,
    message: Message,
    client: Client,
    writer: Writer,
  ): Promise<boolean> | undefined {
    try {
      const result = listener.call(this.emitter, message, client, writer)
      return result instanceof Promise ? result.then(succeeded, rethrowRejection) : undefined
    } catch (error) {
      rethrow(error)
      return Promise.resolve(false)
    }
  }
}

/** The process may have been told to go on. What was set for the answer that there is none of says nothing of this one. */
function failResponse(response: ServerResponse): void {
  if (response.writableEnded) return
  if (response.headersSent) return void response.destroy()
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(500).end()
}

function succeeded(): boolean {
  return true
}

function rethrowRejection(reason: unknown): boolean {
  void Promise.reject(reason)
  return false
}

function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

async function bothSucceed(one: Promise<boolean>, other: Promise<boolean>): Promise<boolean> {
  const first = await one
  return (await other) && first
}
