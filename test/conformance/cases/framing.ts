/** Group 1: messages of every length form, whole and in chops. */
import { binary, type Frame, text } from '../../support/frames.ts'
import { type Case, chopped, once } from '../case.ts'

const LENGTHS = [0, 125, 126, 127, 128, 65_535, 65_536]
const CHOP = 997

function messages(group: string, kind: string, make: (payload: Uint8Array) => Frame, byte: number): Case[] {
  const cases = LENGTHS.map((length, index): Case => {
    const message = make(Buffer.alloc(length, byte))
    const id = `${group}.${index + 1}`
    return { id, description: `${kind} of ${length} octets`, sends: once(message), answers: [message] }
  })
  const last = make(Buffer.alloc(65_536, byte))
  const description = `${kind} of 65536 octets in chops of ${CHOP}`
  return [...cases, { id: `${group}.8`, description, sends: chopped(CHOP, last), answers: [last] }]
}

export const framing: readonly Case[] = [
  ...messages('1.1', 'text', text, 0x2a),
  ...messages('1.2', 'binary', binary, 0xfe),
]
