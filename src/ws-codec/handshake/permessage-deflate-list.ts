/**
 * Reads a `Sec-WebSocket-Extensions` list (RFC 6455 §9.1) one extension at a time:
 *
 *     extension-list  = 1#extension
 *     extension       = extension-token *( ";" extension-param )
 *     extension-param = token [ "=" ( token / quoted-string ) ]
 *
 * Empty elements are allowed (RFC 9110 §5.6.1.2). Each character is looked at a bounded number of times and nothing
 * is kept of what was read, whatever the list. Names are only compared, never looked up.
 */
import { isToken } from './token-list.ts'

const HTAB = 0x09
const SP = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const BACKSLASH = 0x5c

/** Reports what it reads; what is malformed ends it, with `malformed` set. */
export class ExtensionListReader {
  /** The list is none of §9.1's; what was read before does not count. */
  malformed: boolean
  /** The name of the extension or parameter that was read last. */
  name: string
  /** The value of the parameter that was read last, without its quotes; undefined when it has none. */
  value: string | undefined
  private readonly list: string
  private at: number

  constructor(list: string) {
    this.malformed = false
    this.name = ''
    this.value = undefined
    this.list = list
    this.at = 0
  }

  /** Reads the name of the next extension; false at the end. Its parameters have to be read before. */
  nextExtension(): boolean {
    while (this.skipSpace() === COMMA) this.at++
    return this.at < this.list.length && this.readName()
  }

  /** Reads the next parameter of the extension; false when it has no more. */
  nextParameter(): boolean {
    if (this.malformed) return false
    const next = this.skipSpace()
    if (next !== SEMICOLON) return next === COMMA || this.at >= this.list.length ? false : this.fail()
    this.at++
    this.skipSpace()
    this.value = undefined
    return this.readName() && (this.skipSpace() !== EQUALS || this.readValue())
  }

  private readName(): boolean {
    this.name = this.readWord()
    return isToken(this.name) || this.fail()
  }

  private readValue(): boolean {
    this.at++
    this.value = this.skipSpace() === QUOTE ? this.readQuoted() : this.readWord()
    // §9.1: what is quoted has to be a token too.
    return isToken(this.value) || this.fail()
  }

  /** All up to the next delimiter. */
  private readWord(): string {
    const start = this.at
    while (this.at < this.list.length && !isDelimiter(this.list.charCodeAt(this.at))) this.at++
    return this.list.slice(start, this.at)
  }

  /** RFC 9110 §5.6.4; the empty text, which is no token, when the quote is not closed. */
  private readQuoted(): string {
    let text = ''
    let start = ++this.at
    for (; this.at < this.list.length; this.at++) {
      const character = this.list.charCodeAt(this.at)
      if (character === QUOTE) return text + this.list.slice(start, this.at++)
      if (character === BACKSLASH) {
        text += this.list.slice(start, this.at++)
        start = this.at
      }
    }
    return ''
  }

  private skipSpace(): number {
    let character = this.list.charCodeAt(this.at)
    while (character === SP || character === HTAB) character = this.list.charCodeAt(++this.at)
    return character
  }

  private fail(): false {
    this.malformed = true
    this.at = this.list.length
    return false
  }
}

function isDelimiter(character: number): boolean {
  switch (character) {
    case HTAB:
    case SP:
    case QUOTE:
    case COMMA:
    case SEMICOLON:
    case EQUALS:
      return true
    default:
      return false
  }
}
