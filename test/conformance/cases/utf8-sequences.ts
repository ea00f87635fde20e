/** Groups 6.5 to 6.23: sequences after Markus Kuhn's decoder stress test, a group a topic. */

type Row = readonly [isValid: boolean, payload: Uint8Array]

interface Topic {
  readonly title: string
  readonly rows: readonly Row[]
}

const hex = (digits: string): Uint8Array => Buffer.from(digits.replaceAll(' ', ''), 'hex')

/** Rows of one kind, written in hex with a comma between. */
function rows(isValid: boolean, list: string): Row[] {
  return list.split(',').map((digits) => [isValid, hex(digits)])
}

const valid = (list: string): Row[] => rows(true, list)
const invalid = (list: string): Row[] => rows(false, list)

const KOSME = 'ceba e1bdb9 cf83 cebc ceb5'

const around = (character: string): Row => [true, Buffer.from(`hello${character}world`)]

/** Every prefix of a word; those that end inside a character are not valid. */
function prefixes(): Row[] {
  const word = hex(KOSME)
  const complete = new Set([2, 5, 7, 9, 11])
  return Array.from(word, (_, index) => [complete.has(index + 1), word.subarray(0, index + 1)])
}

/** Alternating continuation octets, from one to six, and a run of 63. */
function continuations(): Row[] {
  const alternating = [1, 2, 3, 4, 5, 6].map((count): Row => [false, hex('80bf80bf80bf').subarray(0, count)])
  return [
    ...invalid('80,bf'),
    ...alternating.slice(1),
    [false, Uint8Array.from({ length: 0x3f }, (_, index) => 0x80 + index)],
  ]
}

/** Lead octets from `low` to below `high`, a space behind each. */
function lonely(low: number, high: number): Row {
  return [
    false,
    Uint8Array.from({ length: 2 * (high - low) }, (_, at) => (at % 2 === 1 ? 0x20 : low + at / 2)),
  ]
}

const INCOMPLETE = 'c0, e080, f08080, f8808080, fc80808080, df, efbf, f7bfbf, fbbfbfbf, fdbfbfbfbf'

/** U+nFFFE and U+nFFFF of every plane above the first. */
function nonCharacters(): Row[] {
  const found: Row[] = []
  for (let plane = 1; plane <= 0x10; plane++) {
    for (const last of [0xfffe, 0xffff])
      found.push([true, Buffer.from(String.fromCodePoint(plane * 0x10000 + last))])
  }
  return found
}

export const SEQUENCES: readonly Topic[] = [
  { title: 'valid', rows: [...['$', '¢', '€', '\u{24b62}'].map(around), ...valid(KOSME)] },
  { title: 'prefixes of a valid word', rows: prefixes() },
  { title: 'first sequence of a length', rows: valid('00, c280, e0a080, f0908080') },
  { title: 'first sequence of five and six octets', rows: invalid('f888808080, fc8480808080') },
  { title: 'last sequence of a length', rows: valid('7f, dfbf, efbfbf, f48fbfbf') },
  {
    title: 'last sequence of four, five and six octets',
    rows: invalid('f7bfbfbf, fbbfbfbfbf, fdbfbfbfbfbf'),
  },
  {
    title: 'other boundaries',
    rows: [...valid('ed9fbf, ee8080, efbfbd, f48fbfbf'), ...invalid('f4908080')],
  },
  { title: 'unexpected continuation octets', rows: continuations() },
  {
    title: 'lonely lead octets',
    rows: [
      lonely(0xc0, 0xdf),
      lonely(0xe0, 0xef),
      lonely(0xf0, 0xf7),
      lonely(0xf8, 0xfb),
      lonely(0xfc, 0xfd),
    ],
  },
  { title: 'last continuation octet missing', rows: invalid(INCOMPLETE) },
  { title: 'incomplete sequences in a row', rows: invalid(INCOMPLETE.replaceAll(',', '')) },
  { title: 'impossible octets', rows: invalid('fe, ff, fefeffff') },
  { title: 'overlong ASCII', rows: invalid('c0af, e080af, f08080af, f8808080af, fc80808080af') },
  { title: 'maximum overlong', rows: invalid('c1bf, e09fbf, f08fbfbf, f887bfbfbf, fc83bfbfbfbf') },
  { title: 'overlong NUL', rows: invalid('c080, e08080, f0808080, f880808080, fc8080808080') },
  {
    title: 'single surrogates',
    rows: invalid('eda080, edadbf, edae80, edafbf, edb080, edbe80, edbfbf'),
  },
  {
    title: 'paired surrogates',
    rows: invalid(
      'eda080edb080, eda080edbfbf, edadbfedb080, edadbfedbfbf, edae80edb080, edae80edbfbf, edafbfedb080, edafbfedbfbf',
    ),
  },
  { title: 'non-characters, which are valid', rows: [...valid('efbfbe, efbfbf'), ...nonCharacters()] },
  { title: 'specials', rows: valid('efbfb9, efbfba, efbfbb, efbfbc, efbfbd, efbfbe, efbfbf') },
]
