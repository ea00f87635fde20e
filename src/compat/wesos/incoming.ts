import { PassThrough } from 'node:stream'
import { ignore } from './drain.ts'

/** A message as it arrives. While nobody reads it, and it does not fit in what is buffered, the client is not read from. */
export class Incoming extends PassThrough {
  /** Whether it is text. */
  readonly isText: boolean

  constructor(isText: boolean = false) {
    super()
    this.isText = isText
    this.on('error', ignore)
  }
}
