/** Group 7: the close handshake, the payload of a close frame, and its codes (RFC 6455 §7.4). */
import { closing, type Frame, frame, more, Opcode, ping, text } from '../../support/frames.ts'
import { type Case, once } from '../case.ts'

const HELLO = 'Hello World!'
const REASON_LIMIT = 123

const basic: Case[] = [
  {
    id: '7.1.1',
    description: 'a message, then a close',
    sends: once(text(HELLO), closing(1000)),
    answers: [text(HELLO)],
    closes: 1000,
  },
  {
    id: '7.1.2',
    description: 'two close frames: the second is ignored',
    sends: once(closing(1000), closing(1000)),
    answers: [],
    closes: 1000,
  },
  {
    id: '7.1.3',
    description: 'a ping behind the close gets no pong',
    sends: once(closing(1000), ping()),
    answers: [],
    closes: 1000,
  },
  {
    id: '7.1.4',
    description: 'a message behind the close gets no answer',
    sends: once(closing(1000), text(HELLO)),
    answers: [],
    closes: 1000,
  },
  {
    id: '7.1.5',
    description: 'a close between the two fragments of a message',
    sends: once(text('fragment1', false), closing(1000), more('fragment2')),
    answers: [],
    closes: 1000,
  },
  {
    id: '7.1.6',
    description: 'a message of 256 KiB and a small one, then a close and a ping: both are answered first',
    sends: once(text(Buffer.alloc(256 * 1024, 'BAsd7&jh23')), text(HELLO), closing(1000), ping()),
    answers: [text(Buffer.alloc(256 * 1024, 'BAsd7&jh23')), text(HELLO)],
    closes: 1000,
  },
]

const structure: Case[] = [
  answered('7.3.1', 'no payload', closing(), 1005),
  {
    id: '7.3.2',
    description: 'a payload of one octet',
    sends: once(frame(Opcode.close, 'a')),
    answers: [],
    fails: { code: 1002, at: { frame: 0, header: 2 } },
  },
  answered('7.3.3', 'a code', closing(1000), 1000),
  answered('7.3.4', 'a code and a reason', closing(1000, HELLO), 1000),
  answered('7.3.5', 'the longest reason', closing(1000, '*'.repeat(REASON_LIMIT)), 1000),
  {
    id: '7.3.6',
    description: 'a reason one octet too long',
    sends: once(closing(1000, '*'.repeat(REASON_LIMIT + 1))),
    answers: [],
    fails: { code: 1002, at: { frame: 0, header: 2 } },
  },
  {
    id: '7.5.1',
    description: 'a reason that is not UTF-8',
    sends: once(closing(1000, Buffer.from('cebae1bdb9cf83cebcceb5eda080656469746564', 'hex'))),
    answers: [],
    fails: { code: 1007, at: { frame: 0, payload: 2 + 13 } },
  },
]

const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
const INVALID_CODES = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999]
/** The suite leaves these open; RFC 6455 §7.4.2 has no use for them. */
const OUTSIDE_CODES = [5000, 65_535]

function answered(id: string, description: string, close: Frame, closes: number): Case {
  return { id, description, sends: once(close), answers: [], closes }
}

function refused(group: string, codes: readonly number[]): Case[] {
  return codes.map((code, index) => ({
    id: `${group}.${index + 1}`,
    description: `the code ${code}, which must not be sent`,
    sends: once(closing(code)),
    answers: [],
    fails: { code: 1002, at: { frame: 0, payload: 2 } },
  }))
}

export const closingCases: readonly Case[] = [
  ...basic,
  ...structure,
  ...VALID_CODES.map((code, index) => answered(`7.7.${index + 1}`, `the code ${code}`, closing(code), code)),
  ...refused('7.9', INVALID_CODES),
  ...refused('7.13', OUTSIDE_CODES),
]
