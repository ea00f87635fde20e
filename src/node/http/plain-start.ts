import { defaultType } from './writer.ts'

/** What a plain answer has besides a date and a length: nothing, or a body of text or of bytes; the last answer says that it is. */
export type PlainKind = 'empty' | 'text' | 'binary' | 'last empty' | 'last text' | 'last binary'

/** How a plain answer of each kind begins. */
export type PlainStarts = Readonly<Record<PlainKind, Uint8Array>>

/** The beginnings of plain answers, made once a second, up to the value of Content-Length. */
export function plainStarts(date: string): PlainStarts {
  const start = (last: boolean, fields: Iterable<readonly [string, string]>): Buffer => {
    const lines = Array.from(fields, ([name, value]) => `${name}: ${value}\r\n`).join('')
    const connection = last ? 'Connection: close\r\n' : ''
    return Buffer.from(`HTTP/1.1 200 OK\r\n${lines}Date: ${date}\r\n${connection}Content-Length: `, 'latin1')
  }
  const [text, binary] = [defaultType(true), defaultType(false)]
  return {
    empty: start(false, []),
    text: start(false, text),
    binary: start(false, binary),
    'last empty': start(true, []),
    'last text': start(true, text),
    'last binary': start(true, binary),
  }
}
