/**
 * Lists of tokens in field values (RFC 9110 §5.6.1, §5.6.2): `#token`, empty elements allowed. Each character is
 * looked at once or twice, whatever the list.
 */

const HTAB = 0x09
const SP = 0x20
const COMMA = 0x2c

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const TCHAR: Uint8Array = new Uint8Array(0x100).map((_, character) =>
  TOKEN_CHARACTERS.includes(String.fromCharCode(character)) ? 1 : 0,
)

/**
 * The tokens of a list, or undefined when an element is something else.
 *
 * @example
 * tokenList('chat, , superchat') // ['chat', 'superchat']
 * tokenList('chat; q=1') // undefined
 */
export function tokenList(list: string): string[] | undefined {
  const tokens: string[] = []
  let at = 0
  while ((at = skipSeparators(list, at)) < list.length) {
    const start = at
    at = skipToken(list, at)
    if (at === start) return undefined
    tokens.push(list.slice(start, at))
    at = skipSpace(list, at)
    if (at < list.length && list.charCodeAt(at) !== COMMA) return undefined
  }
  return tokens
}

/**
 * The words of a list as the drafts before hybi-04 have them: printable ASCII, with spaces or commas in between;
 * undefined when it holds something else.
 *
 * @example
 * wordList('chat v1/super') // ['chat', 'v1/super']
 */
export function wordList(list: string): string[] | undefined {
  const words: string[] = []
  let at = 0
  while ((at = skipSeparators(list, at)) < list.length) {
    const start = at
    while (isWordCharacter(list.charCodeAt(at))) at++
    if (at === start) return undefined
    words.push(list.slice(start, at))
  }
  return words
}

function isWordCharacter(character: number): boolean {
  return character > SP && character < 0x7f && character !== COMMA
}

/**
 * Whether a comma-separated list has the element `name`, which is in lower case, in whatever case. Other
 * elements may be anything, such as `foo/1`.
 *
 * @example
 * listHas('keep-alive, Upgrade', 'upgrade') // true
 */
export function listHas(list: string | undefined, name: string): boolean {
  if (list === undefined) return false
  for (let at = 0; at < list.length; ) {
    const comma = list.indexOf(',', at)
    const end = comma < 0 ? list.length : comma
    const start = skipSpace(list, at)
    if (startsWith(list, start, name) && skipSpace(list, start + name.length) >= end) return true
    at = end + 1
  }
  return false
}

function startsWith(text: string, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if (lowerCase(text.charCodeAt(start + index)) !== name.charCodeAt(index)) return false
  }
  return true
}

/** ASCII only: U+212A is no k. */
function lowerCase(character: number): number {
  return character >= 0x41 && character <= 0x5a ? character | 0x20 : character
}

/**
 * Whether a text is a token.
 *
 * @example
 * isToken('X-Served-By') // true
 * isToken('a b') // false
 */
export function isToken(text: string): boolean {
  return text.length > 0 && skipToken(text, 0) === text.length
}

function skipToken(text: string, at: number): number {
  while (TCHAR[text.charCodeAt(at)] === 1) at++
  return at
}

function skipSpace(text: string, at: number): number {
  while (text.charCodeAt(at) === SP || text.charCodeAt(at) === HTAB) at++
  return at
}

function skipSeparators(text: string, at: number): number {
  while (text.charCodeAt(at) === COMMA || text.charCodeAt(at) === SP || text.charCodeAt(at) === HTAB) at++
  return at
}
