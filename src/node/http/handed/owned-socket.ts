/** What a handed connection hears of its socket and its answers, and what of the socket node:http must not do as it would. Shared functions. */
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface SocketOwner {
  /** Whether nothing is to be read for now. */
  readonly holds: boolean
  /** Ends our side; what still comes is dropped. */
  leaveSocket(): void
  /** The peer has ended its side. */
  socketEnded(): void
  socketDrained(): void
  socketClosed(): void
  /** An answer has left, or will not. */
  answerClosed(response: ServerResponse): void
}

const owner = Symbol('owner')

type OwnedSocket = Duplex & { [owner]: SocketOwner }

export function own(socket: Duplex, by: SocketOwner): void {
  ;(socket as OwnedSocket)[owner] = by
  // node:http reports errors, and stops to listen for them where it lets go of a socket.
  socket.on('error', ignore)
  socket.on('end', onEnd)
  socket.on('close', onClose)
  if (!(socket instanceof Socket)) return
  // Node would close the socket behind the last answer: with a reset, if anything has come that nobody has read.
  socket.destroySoon = destroySoon
  // And it reads on behind each request, whoever has paused the socket.
  socket.on('resume', onResume)
  socket.resume = resume
}

export function disown(socket: Duplex): void {
  socket.removeListener('error', ignore)
  socket.removeListener('end', onEnd)
  socket.removeListener('close', onClose)
  socket.removeListener('resume', onResume)
  // What lies on the prototype shows again.
  Reflect.deleteProperty(socket, 'destroySoon')
  Reflect.deleteProperty(socket, 'resume')
}

/** Where node:http has let go of a socket, nobody else listens to that. */
export function hearDrain(socket: Duplex): void {
  socket.on('drain', onDrain)
}

export function hearNoDrain(socket: Duplex): void {
  socket.removeListener('drain', onDrain)
}

/** Our side has ended. node:http ends it once more at the peer's end: the error of that, which nobody hears, takes 8 µs. */
export function endOnce(socket: Duplex): void {
  if (socket instanceof Socket) socket.end = endAgain
}

export function followAnswer(response: ServerResponse): void {
  response.on('close', onAnswerClosed)
}

function ignore(): void {}

function onEnd(this: Duplex): void {
  ;(this as OwnedSocket)[owner].socketEnded()
}

function onClose(this: Duplex): void {
  ;(this as OwnedSocket)[owner].socketClosed()
}

function onDrain(this: Duplex): void {
  ;(this as OwnedSocket)[owner].socketDrained()
}

function onAnswerClosed(this: ServerResponse): void {
  ;(this.req.socket as Duplex as OwnedSocket)[owner].answerClosed(this)
}

/** A stream that was paused meanwhile says so all the same: node:http starts to read, and takes `pause` for an order to stop. */
function onResume(this: Duplex): void {
  const by = (this as OwnedSocket)[owner]
  if (by.holds) process.nextTick(() => by.holds && this.emit('pause'))
}

function destroySoon(this: Socket): void {
  ;(this as Socket & OwnedSocket)[owner].leaveSocket()
}

function resume<Self extends Socket>(this: Self): Self {
  if (!(this as Self & OwnedSocket)[owner].holds) Socket.prototype.resume.call(this)
  return this
}

function endAgain(this: Socket, ...given: unknown[]): Socket {
  return given.length === 0 ? this : Reflect.apply(Socket.prototype.end, this, given)
}
