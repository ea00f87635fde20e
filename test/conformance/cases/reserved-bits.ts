/** Group 3: reserved bits without a negotiated meaning. */
import { frame, Opcode, ping, text } from '../../support/frames.ts'
import { type Case, CHOPS, once } from '../case.ts'

const HELLO = 'Hello, world!'
const { text: TEXT, binary: BINARY, ping: PING, close: CLOSE } = Opcode

export const reservedBits: readonly Case[] = [
  {
    id: '3.1',
    description: 'a small text with RSV 1',
    sends: once(frame(TEXT, HELLO, true, 1)),
    answers: [],
    fails: { code: 1002, at: { frame: 0, header: 1 } },
  },
  ...CHOPS.map(
    ([how, cut], index): Case => ({
      id: `3.${index + 2}`,
      description: `a small text, one with RSV ${index + 2}, a ping, ${how}`,
      sends: cut(text(HELLO), frame(TEXT, HELLO, true, index + 2), ping()),
      answers: [text(HELLO)],
      fails: { code: 1002, at: { frame: 1, header: 1 } },
    }),
  ),
  {
    id: '3.5',
    description: 'a small binary with RSV 5',
    sends: once(frame(BINARY, Uint8Array.of(0, 0xff, 0xfe, 0xfd), true, 5)),
    answers: [],
    fails: { code: 1002, at: { frame: 0, header: 1 } },
  },
  {
    id: '3.6',
    description: 'a ping with RSV 6',
    sends: once(frame(PING, HELLO, true, 6)),
    answers: [],
    fails: { code: 1002, at: { frame: 0, header: 1 } },
  },
  {
    id: '3.7',
    description: 'a close with RSV 7',
    sends: once(frame(CLOSE, Uint8Array.of(3, 232), true, 7)),
    answers: [],
    fails: { code: 1002, at: { frame: 0, header: 1 } },
  },
]
