import { defaultType } from './writer.ts'

/** How an answer begins that has a date and a length only, or a body of text or of bytes. */
export interface PlainStarts {
  readonly empty: Uint8Array
  readonly text: Uint8Array
  readonly binary: Uint8Array
}

/** The beginnings of plain answers, made once a second, up to the value of Content-Length. */
export function plainStarts(date: string): PlainStarts {
  const start = (fields: Iterable<readonly [string, string]>): Buffer => {
    const lines = Array.from(fields, ([name, value]) => `${name}: ${value}\r\n`).join('')
    return Buffer.from(`HTTP/1.1 200 OK\r\n${lines}Date: ${date}\r\nContent-Length: `, 'latin1')
  }
  return { empty: start([]), text: start(defaultType(true)), binary: start(defaultType(false)) }
}
