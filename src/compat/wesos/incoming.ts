import { PassThrough } from 'node:stream'
import { ignore } from './drain.ts'

export interface IncomingOptions {
  /** Whether it is text. Default `false`. */
  isText?: boolean
  /** Bytes that wait for whoever reads it. Default: that of Node's streams. */
  highWaterMark?: number | undefined
}

/** A message as it arrives. While nobody reads it, and it does not fit in what is buffered, the client is not read from. */
export class Incoming extends PassThrough {
  /** Whether it is text. */
  readonly isText: boolean

  constructor({ isText = false, highWaterMark }: IncomingOptions = {}) {
    super(highWaterMark === undefined ? {} : { highWaterMark })
    this.isText = isText
    this.on('error', ignore)
  }
}
