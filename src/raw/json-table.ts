/**
 * The grammar of JSON (RFC 8259) as one automaton over bytes: what follows in each state on each byte.
 *
 * A state says where in a value it is; of what contains that value it knows the innermost only. So a string, a number
 * or a literal has one set of states for each context (KEY, TOP, ARRAY, OBJECT), and leads straight to what comes
 * behind it there. What a state cannot do alone is an action instead, above all states: to enter or leave a container
 * (its parent is on the reader's stack), to end a value of the stream, to refuse the byte.
 *
 * Deviations, each to the strict side: text is UTF-8 (§8.1) without overlong forms and surrogates (RFC 3629 §4); there
 * is no byte order mark (§8.1 lets a reader refuse it). What §8.2 leaves open stays open: a lone surrogate may be escaped.
 */

// Contexts. States of one kind lie side by side in this order.
const KEY = 0
const TOP = 1
const ARRAY = 2
const OBJECT = 3
const CONTEXTS = 4

/** In a string. All states below {@link STRING_END} are that: most bytes leave them as they are. */
const STRING = 0
export const STRING_END = 4

const ESCAPE = 4
const HEX_1 = 8
const HEX_2 = 12
const HEX_3 = 16
const HEX_4 = 20
// Inside a character of several bytes: how many are missing, or the lead byte that narrows the second (RFC 3629 §4).
const LAST_BYTE = 24
const TWO_BYTES = 28
const THREE_BYTES = 32
const AFTER_E0 = 36
const AFTER_ED = 40
const AFTER_F0 = 44
const AFTER_F4 = 48

const MINUS = 52
const ZERO = 56
const INTEGER = 60
const POINT = 64
const FRACTION = 68
const EXPONENT = 72
const EXPONENT_SIGN = 76
const EXPONENT_DIGITS = 80

const LITERAL = 84
const LITERALS = ['true', 'false', 'null']
/** A literal of the stream itself is whole; like a number's, its end is the byte behind it. */
const LITERAL_END = 124

/** Between two values of the stream. */
export const GAP = 125
export const FIRST_ELEMENT = 126
const NEXT_ELEMENT = 127
export const AFTER_ELEMENT = 128
export const FIRST_KEY = 129
const NEXT_KEY = 130
const COLON = 131
const MEMBER = 132
export const AFTER_MEMBER = 133
const STATES = 134

/** `{` */
export const OPEN_OBJECT = 134
/** `[` */
export const OPEN_ARRAY = 135
/** `}` or `]`, each only where it fits. */
export const CLOSE = 136
/** The byte is the last one of a value of the stream. */
export const END = 137
/** A value of the stream has ended before the byte. */
export const END_BEFORE = 138
/** No JSON text has this byte here. */
export const REFUSE = 139

export const FIRST_ACTION: number = STATES

/** 1 for each byte that a string has just like that: neither its end, nor an escape, nor of several bytes. */
export const plain: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c ? 1 : 0,
)

/** Whether a value of the stream is whole in this state, though a next byte might have belonged to it. */
export function mayEnd(state: number): boolean {
  return transitions[(state << 8) | 0x20] === END_BEFORE
}

/** A table under construction: `on` gives each of the bytes in `from`..`to`, or of a text, its successor. */
class Table {
  readonly cells: Uint8Array

  constructor() {
    this.cells = new Uint8Array(STATES << 8).fill(REFUSE)
  }

  on(state: number, bytes: string, next: number): void {
    for (let at = 0; at < bytes.length; at++) this.cells[(state << 8) | bytes.charCodeAt(at)] = next
  }

  onRange(state: number, from: number, to: number, next: number): void {
    this.cells.fill(next, (state << 8) | from, ((state << 8) | to) + 1)
  }

  /** What `state` does not know it does as `other`. */
  inherit(state: number, other: number): void {
    for (let byte = 0; byte < 256; byte++) {
      const cell = (state << 8) | byte
      if (this.cells[cell] === REFUSE) this.cells[cell] = this.cells[(other << 8) | byte]
    }
  }
}

const WHITE_SPACE = ' \t\n\r'
const DIGITS = '0123456789'

function makeTable(): Uint8Array {
  const table = new Table()
  fillContainers(table)
  fillString(table, KEY, COLON)
  fillString(table, TOP, END)
  fillString(table, ARRAY, AFTER_ELEMENT)
  fillString(table, OBJECT, AFTER_MEMBER)
  // A number or literal of the stream ends at white space, or where a byte of another kind of token stands.
  table.on(LITERAL_END, `${WHITE_SPACE}{}[],:"`, END_BEFORE)
  fillScalars(table, TOP, LITERAL_END, LITERAL_END)
  fillScalars(table, ARRAY, AFTER_ELEMENT, AFTER_ELEMENT)
  fillScalars(table, OBJECT, AFTER_MEMBER, AFTER_MEMBER)
  return table.cells
}

/** value, object, array (§3–§5) */
function fillContainers(table: Table): void {
  for (const state of [FIRST_ELEMENT, NEXT_ELEMENT, AFTER_ELEMENT, FIRST_KEY, NEXT_KEY])
    skipSpace(table, state)
  for (const state of [COLON, MEMBER, AFTER_MEMBER, GAP]) skipSpace(table, state)
  fillValue(table, GAP, TOP)
  fillValue(table, FIRST_ELEMENT, ARRAY)
  fillValue(table, NEXT_ELEMENT, ARRAY)
  fillValue(table, MEMBER, OBJECT)
  table.on(FIRST_ELEMENT, ']', CLOSE)
  table.on(AFTER_ELEMENT, ']', CLOSE)
  table.on(AFTER_ELEMENT, ',', NEXT_ELEMENT)
  table.on(FIRST_KEY, '"', STRING + KEY)
  table.on(FIRST_KEY, '}', CLOSE)
  table.on(NEXT_KEY, '"', STRING + KEY)
  table.on(COLON, ':', MEMBER)
  table.on(AFTER_MEMBER, ',', NEXT_KEY)
  table.on(AFTER_MEMBER, '}', CLOSE)
}

function skipSpace(table: Table, state: number): void {
  table.on(state, WHITE_SPACE, state)
}

function fillValue(table: Table, state: number, context: number): void {
  table.on(state, '{', OPEN_OBJECT)
  table.on(state, '[', OPEN_ARRAY)
  table.on(state, '"', STRING + context)
  table.on(state, '-', MINUS + context)
  table.on(state, '0', ZERO + context)
  table.on(state, DIGITS.slice(1), INTEGER + context)
  let letter = LITERAL + context
  for (const word of LITERALS) {
    table.on(state, word[0]!, letter)
    letter += (word.length - 1) * CONTEXTS
  }
}

/** string = quotation-mark *char quotation-mark (§7) */
function fillString(table: Table, context: number, after: number): void {
  const string = STRING + context
  table.onRange(string, 0x20, 0x7f, string)
  table.on(string, '"', after)
  table.on(string, '\\', ESCAPE + context)
  table.on(ESCAPE + context, '"\\/bfnrt', string)
  table.on(ESCAPE + context, 'u', HEX_1 + context)
  for (const hex of [HEX_1, HEX_2, HEX_3, HEX_4]) {
    const next = hex === HEX_4 ? string : hex + CONTEXTS + context
    table.on(hex + context, '0123456789abcdefABCDEF', next)
  }
  fillCharacters(table, string, context)
}

/** RFC 3629 §4 */
function fillCharacters(table: Table, string: number, context: number): void {
  table.onRange(string, 0xc2, 0xdf, LAST_BYTE + context)
  table.onRange(string, 0xe1, 0xef, TWO_BYTES + context)
  table.onRange(string, 0xe0, 0xe0, AFTER_E0 + context)
  table.onRange(string, 0xed, 0xed, AFTER_ED + context)
  table.onRange(string, 0xf1, 0xf3, THREE_BYTES + context)
  table.onRange(string, 0xf0, 0xf0, AFTER_F0 + context)
  table.onRange(string, 0xf4, 0xf4, AFTER_F4 + context)
  table.onRange(LAST_BYTE + context, 0x80, 0xbf, string)
  table.onRange(TWO_BYTES + context, 0x80, 0xbf, LAST_BYTE + context)
  table.onRange(THREE_BYTES + context, 0x80, 0xbf, TWO_BYTES + context)
  table.onRange(AFTER_E0 + context, 0xa0, 0xbf, LAST_BYTE + context)
  table.onRange(AFTER_ED + context, 0x80, 0x9f, LAST_BYTE + context)
  table.onRange(AFTER_F0 + context, 0x90, 0xbf, TWO_BYTES + context)
  table.onRange(AFTER_F4 + context, 0x80, 0x8f, TWO_BYTES + context)
}

/**
 * number = [ minus ] int [ frac ] [ exp ] (§6), and false / null / true (§3).
 *
 * @param after the state behind a whole literal
 * @param end the state whose bytes end a number, too
 */
function fillScalars(table: Table, context: number, after: number, end: number): void {
  table.on(MINUS + context, '0', ZERO + context)
  table.on(MINUS + context, DIGITS.slice(1), INTEGER + context)
  table.on(INTEGER + context, DIGITS, INTEGER + context)
  table.on(POINT + context, DIGITS, FRACTION + context)
  table.on(FRACTION + context, DIGITS, FRACTION + context)
  table.on(EXPONENT + context, '+-', EXPONENT_SIGN + context)
  for (const state of [EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS])
    table.on(state + context, DIGITS, EXPONENT_DIGITS + context)
  for (const state of [ZERO, INTEGER]) table.on(state + context, '.', POINT + context)
  for (const state of [ZERO, INTEGER, FRACTION]) table.on(state + context, 'eE', EXPONENT + context)
  for (const state of [ZERO, INTEGER, FRACTION, EXPONENT_DIGITS]) table.inherit(state + context, end)
  fillLiterals(table, context, after)
}

function fillLiterals(table: Table, context: number, after: number): void {
  let letter = LITERAL + context
  for (const word of LITERALS) {
    for (let at = 1; at < word.length; at++) {
      table.on(letter, word[at]!, at === word.length - 1 ? after : letter + CONTEXTS)
      letter += CONTEXTS
    }
  }
}

/** What comes after state `state` on byte `byte`, at `state << 8 | byte`: a state, or from FIRST_ACTION on an action. */
export const transitions: Uint8Array = makeTable()
