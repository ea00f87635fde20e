/**
 * What may stand between a chunk's size and its CRLF (RFC 9112 §7.1.1). None is known, so all are ignored;
 * they are checked all the same, for a lenient reader of them is where request smuggling begins.
 *
 *     chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
 *
 * Contract: `push` returns `end`, or the position of the CR that ends them, or of the byte that is wrong.
 */
import { CR, characterClass, HTAB, QUOTED, SEMICOLON, SP, TOKEN, VALUE } from '../characters.ts'
import { HttpError, type HttpErrorCode } from '../errors.ts'

const NAME = 0
const VALUE_TOKEN = 1
const QUOTED_STRING = 2
const QUOTED_PAIR = 3
const QUOTED_END = 4
/** White space, then a semicolon. */
const BEFORE_SEMICOLON = 5
/** White space, then a name. */
const BEFORE_NAME = 6
/** White space, then `=` or a semicolon. */
const AFTER_NAME = 7
/** White space, then a value. */
const BEFORE_VALUE = 8

const EQUALS = 0x3d
const QUOTE = 0x22
const BACKSLASH = 0x5c

export class ChunkExtensions {
  error: HttpError | null = null
  private state = BEFORE_SEMICOLON
  private seen = 0
  private readonly limit: number

  /** @param limit bytes of all extensions of one body */
  constructor(limit: number) {
    this.limit = limit
  }

  reset(): void {
    this.error = null
    this.seen = 0
  }

  /** Whether `byte`, the one after the size, can begin an extension. */
  begin(byte: number): boolean {
    this.state = BEFORE_SEMICOLON
    return byte === SEMICOLON || byte === SP || byte === HTAB
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    const stop = Math.min(end, pos + this.limit - this.seen)
    let state = this.state
    let p = pos
    while (p < stop && state >= 0) {
      const next = nextState(state, chunk[p]!)
      if (next < 0) break
      state = next
      p++
    }
    this.state = state
    this.seen += p - pos
    if (p < end && !(chunk[p] === CR && mayEnd(state))) this.stopAt(p === stop)
    return p
  }

  private stopAt(limit: boolean): void {
    if (limit)
      this.fail('ERR_HTTP_CHUNK_EXTENSIONS_TOO_LARGE', `its chunk extensions exceed ${this.limit} bytes`)
    else this.fail('ERR_HTTP_CHUNK_EXTENSION_INVALID', 'a chunk extension is malformed')
  }

  private fail(code: HttpErrorCode, reason: string): void {
    this.error = new HttpError(code, 'Cannot read the body: ' + reason)
  }
}

function mayEnd(state: number): boolean {
  return state === NAME || state === VALUE_TOKEN || state === QUOTED_END
}

/** The state after `byte`, or -1 if it may not stand there. */
function nextState(state: number, byte: number): number {
  const space = byte === SP || byte === HTAB
  switch (state) {
    case NAME:
      if (is(byte, TOKEN)) return NAME
      return space ? AFTER_NAME : byte === EQUALS ? BEFORE_VALUE : byte === SEMICOLON ? BEFORE_NAME : -1
    case VALUE_TOKEN:
      if (is(byte, TOKEN)) return VALUE_TOKEN
      return space ? BEFORE_SEMICOLON : byte === SEMICOLON ? BEFORE_NAME : -1
    case QUOTED_STRING:
      if (is(byte, QUOTED)) return QUOTED_STRING
      return byte === QUOTE ? QUOTED_END : byte === BACKSLASH ? QUOTED_PAIR : -1
    case QUOTED_PAIR:
      return is(byte, VALUE) ? QUOTED_STRING : -1
    case BEFORE_NAME:
      return space ? BEFORE_NAME : is(byte, TOKEN) ? NAME : -1
    case AFTER_NAME:
      return space ? AFTER_NAME : byte === EQUALS ? BEFORE_VALUE : byte === SEMICOLON ? BEFORE_NAME : -1
    case BEFORE_VALUE:
      return space ? BEFORE_VALUE : byte === QUOTE ? QUOTED_STRING : is(byte, TOKEN) ? VALUE_TOKEN : -1
    default: // QUOTED_END, BEFORE_SEMICOLON
      return byte === SEMICOLON ? BEFORE_NAME : space ? BEFORE_SEMICOLON : -1
  }
}

function is(byte: number, bit: number): boolean {
  return (characterClass[byte]! & bit) !== 0
}
