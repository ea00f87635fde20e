/** Group 9: large messages, many fragments, small chops, many messages; and group 10. */
import { binary, type Frame, fragments, Opcode, text } from '../../support/frames.ts'
import { type Case, chopped, once, type Step } from '../case.ts'
import { binaryPayload, textPayload } from '../payloads.ts'

const KIB = 1024
const MIB = 1024 * KIB
const SIZES = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB]
const FRAGMENTS = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB]
const CHOPS = [64, 128, 256, 512, KIB, 2 * KIB]
const ROUND_TRIPS = [0, 16, 64, 256, KIB, 4 * KIB]
const ROUNDS = 1000

interface Kind {
  readonly name: string
  readonly opcode: number
  readonly payload: (length: number) => Uint8Array
  readonly frame: (payload: Uint8Array) => Frame
}

const TEXT: Kind = { name: 'text', opcode: Opcode.text, payload: textPayload, frame: text }
const BINARY: Kind = { name: 'binary', opcode: Opcode.binary, payload: binaryPayload, frame: binary }

function sizes(group: string, kind: Kind): Case[] {
  return SIZES.map((size, index) => {
    const message = kind.frame(kind.payload(size))
    const description = `a ${kind.name} of ${size} octets`
    return { id: `${group}.${index + 1}`, description, sends: once(message), answers: [message] }
  })
}

function fragmented(group: string, kind: Kind): Case[] {
  const payload = kind.payload(4 * MIB)
  return FRAGMENTS.map((size, index) => ({
    id: `${group}.${index + 1}`,
    description: `a ${kind.name} of 4 MiB in fragments of ${size} octets`,
    sends: once(...fragments(kind.opcode, payload, size)),
    answers: [kind.frame(payload)],
  }))
}

function inChops(group: string, kind: Kind): Case[] {
  const message = kind.frame(kind.payload(MIB))
  return CHOPS.map((size, index) => ({
    id: `${group}.${index + 1}`,
    description: `a ${kind.name} of 1 MiB in chops of ${size} octets`,
    sends: chopped(size, message),
    answers: [message],
  }))
}

/** One message at a time: the next goes out when the last has come back. */
function roundTrips(group: string, kind: Kind): Case[] {
  return ROUND_TRIPS.map((size, index) => {
    const message = kind.frame(kind.payload(size))
    const sends = Array.from({ length: ROUNDS }, (_, round): Step => {
      return { frames: [message], chop: 'once', answers: round + 1 }
    })
    const description = `${ROUNDS} round trips of a ${kind.name} of ${size} octets`
    return { id: `${group}.${index + 1}`, description, sends, answers: sends.map(() => message) }
  })
}

export const limits: readonly Case[] = [
  ...sizes('9.1', TEXT),
  ...sizes('9.2', BINARY),
  ...fragmented('9.3', TEXT),
  ...fragmented('9.4', BINARY),
  ...inChops('9.5', TEXT),
  ...inChops('9.6', BINARY),
  ...roundTrips('9.7', TEXT),
  ...roundTrips('9.8', BINARY),
]

export const misc: readonly Case[] = [
  {
    id: '10.1.1',
    description: 'a text of 65536 octets in fragments of 1300',
    sends: once(...fragments(Opcode.text, textPayload(64 * KIB), 1300)),
    answers: [text(textPayload(64 * KIB))],
  },
]
