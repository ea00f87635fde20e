/** Group 6: text is UTF-8 (RFC 3629), however it is cut, and fails at the first octet that cannot be. */
import { fragments, more, Opcode, text } from '../../support/frames.ts'
import { type Case, once } from '../case.ts'
import { SEQUENCES } from './utf8-sequences.ts'

const VALID = Buffer.from('Hello-µ@ßöäüàá-UTF-8!!')
/** "κόσμε" with the accent that was there before Unicode unified it (U+1F79). */
const GREEK = Buffer.from('cebae1bdb9cf83cebcceb5', 'hex')
const SURROGATE = Buffer.concat([GREEK, Buffer.from('eda080', 'hex'), Buffer.from('edited')])
/** U+110000, as if UTF-8 went that far: 0x90 is the octet that cannot be. */
const BEYOND = Buffer.from('f4908080', 'hex')
const REST = Buffer.from('edited')
const UP_TO_LEAD = Buffer.concat([GREEK, BEYOND.subarray(0, 1)])

const octets = (payload: Uint8Array) => once(...fragments(Opcode.text, payload, 1))

const empty: Case[] = [
  { id: '6.1.1', description: 'a text of no octets', sends: once(text()), answers: [text()] },
  {
    id: '6.1.2',
    description: 'three fragments of no octets',
    sends: once(text('', false), more('', false), more('')),
    answers: [text()],
  },
  {
    id: '6.1.3',
    description: 'three fragments, only the middle one has octets',
    sends: once(text('', false), more('middle frame payload', false), more('')),
    answers: [text('middle frame payload')],
  },
]

const valid: Case[] = [
  {
    id: '6.2.1',
    description: 'valid text in one fragment',
    sends: once(text(VALID)),
    answers: [text(VALID)],
  },
  {
    id: '6.2.2',
    description: 'valid text in two fragments, cut between code points',
    sends: once(text('Hello-µ@ßöä', false), more('üàá-UTF-8!!')),
    answers: [text(VALID)],
  },
  {
    id: '6.2.3',
    description: 'valid text, a fragment an octet',
    sends: octets(VALID),
    answers: [text(VALID)],
  },
  {
    id: '6.2.4',
    description: 'valid Greek text, a fragment an octet',
    sends: octets(GREEK),
    answers: [text(GREEK)],
  },
]

const invalid: Case[] = [
  {
    id: '6.3.1',
    description: 'a surrogate in one fragment',
    sends: once(text(SURROGATE)),
    answers: [],
    fails: { code: 1007, at: { frame: 0, payload: GREEK.length + 2 } },
  },
  {
    id: '6.3.2',
    description: 'a surrogate, a fragment an octet',
    sends: octets(SURROGATE),
    answers: [],
    fails: { code: 1007, at: { frame: GREEK.length + 1, payload: 1 } },
  },
]

const WHOLE = Buffer.concat([GREEK, BEYOND, REST])

/** Each frame, or each chop, is waited for: the fault must be found before the message is complete. */
const failFast: Case[] = [
  {
    id: '6.4.1',
    description: 'invalid in the second of three fragments',
    sends: [...once(text(GREEK, false)), ...once(more(BEYOND, false)), ...once(more(REST))],
    answers: [],
    fails: { code: 1007, at: { frame: 1, payload: 2 } },
  },
  {
    id: '6.4.2',
    description: 'invalid with the one octet of the second of three fragments',
    sends: [
      ...once(text(UP_TO_LEAD, false)),
      ...once(more(BEYOND.subarray(1, 2), false)),
      ...once(more(Buffer.concat([BEYOND.subarray(2), REST]))),
    ],
    answers: [],
    fails: { code: 1007, at: { frame: 1, payload: 1 } },
  },
  {
    id: '6.4.3',
    description: 'invalid in the second of three chops of one frame',
    sends: [{ frames: [text(WHOLE)], chop: [6 + GREEK.length, BEYOND.length, REST.length] }],
    answers: [],
    fails: { code: 1007, at: { frame: 0, payload: GREEK.length + 2 } },
  },
  {
    id: '6.4.4',
    description: 'invalid with the one octet of the second of three chops of one frame',
    sends: [{ frames: [text(WHOLE)], chop: [6 + UP_TO_LEAD.length, 1, 2 + REST.length] }],
    answers: [],
    fails: { code: 1007, at: { frame: 0, payload: UP_TO_LEAD.length + 1 } },
  },
]

/**
 * RFC 3629 §4, a line a row: the range of the lead octet, the range of the second, how many follow in all.
 * What is in no row cannot begin or go on a character.
 */
const WELL_FORMED = [
  [0x00, 0x7f, 0, 0, 0],
  [0xc2, 0xdf, 0x80, 0xbf, 1],
  [0xe0, 0xe0, 0xa0, 0xbf, 2],
  [0xe1, 0xec, 0x80, 0xbf, 2],
  [0xed, 0xed, 0x80, 0x9f, 2],
  [0xee, 0xef, 0x80, 0xbf, 2],
  [0xf0, 0xf0, 0x90, 0xbf, 3],
  [0xf1, 0xf3, 0x80, 0xbf, 3],
  [0xf4, 0xf4, 0x80, 0x8f, 3],
] as const

/** How many octets it takes to prove the text wrong; 0: it is right. */
export function provenWrongAfter(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at]!
    const row = WELL_FORMED.find(([low, high]) => low <= lead && lead <= high)
    if (row === undefined) return at + 1
    const [, , low, high, following] = row
    for (let next = 1; next <= following; next++) {
      if (at + next >= bytes.length) return bytes.length
      const byte = bytes[at + next]!
      const fits = next === 1 ? low <= byte && byte <= high : (byte & 0xc0) === 0x80
      if (!fits) return at + next + 1
    }
    at += 1 + following
  }
  return 0
}

function caseOf(id: string, title: string, payload: Uint8Array, isValid: boolean): Case {
  const description = `${title}: ${Buffer.from(payload).toString('hex').slice(0, 24)}`
  const message = text(payload)
  if (isValid) return { id, description, sends: once(message), answers: [message] }
  const at = { frame: 0, payload: provenWrongAfter(payload) }
  return { id, description, sends: once(message), answers: [], fails: { code: 1007, at } }
}

const sequences = SEQUENCES.flatMap(({ title, rows }, group) =>
  rows.map(([isValid, payload], row) => caseOf(`6.${group + 5}.${row + 1}`, title, payload, isValid)),
)

export const utf8: readonly Case[] = [...empty, ...valid, ...invalid, ...failFast, ...sequences]
