/** Group 5: messages in fragments, control frames in between, and fragments of nothing. */
import { type Frame, frame, more, Opcode, ping, pong, text } from '../../support/frames.ts'
import { type Case, CHOPS, frameWise, once, type Step } from '../case.ts'

const PARTS = ['fragment1', 'fragment2', 'fragment3', 'fragment4', 'fragment5']
const [ONE, TWO, THREE, FOUR, FIVE] = PARTS as [string, string, string, string, string]
const PAYLOAD = 'ping payload'

/** The same frames in the three chops, as three cases. */
function inThreeChops(first: number, description: string, frames: Frame[], rest: Partial<Case>): Case[] {
  return CHOPS.map(([how, cut], index) => ({
    id: `5.${first + index}`,
    description: `${description}, ${how}`,
    sends: cut(...frames),
    answers: [],
    ...rest,
  }))
}

const failing = (at: number): NonNullable<Case['fails']> => ({ code: 1002, at: { frame: at, header: 1 } })

/** Pings between fragments: the first is answered although the message is still open. */
function interleaved(cut: (...frames: Frame[]) => Step[]): Pick<Case, 'sends' | 'answers'> {
  return {
    sends: [
      ...cut(text(ONE, false), more(TWO, false), ping('pongme 1!')).map((step) => ({ ...step, answers: 1 })),
      ...cut(more(THREE, false), more(FOUR, false), ping('pongme 2!'), more(FIVE)),
    ],
    answers: [pong('pongme 1!'), pong('pongme 2!'), text(PARTS.join(''))],
  }
}

const twice = (...frames: Frame[]): Frame[] => [...frames, ...frames]

export const fragmentation: readonly Case[] = [
  {
    id: '5.1',
    description: 'a ping in two fragments',
    sends: once(frame(Opcode.ping, ONE, false), more(TWO)),
    answers: [],
    fails: failing(0),
  },
  {
    id: '5.2',
    description: 'a pong in two fragments',
    sends: once(frame(Opcode.pong, ONE, false), more(TWO)),
    answers: [],
    fails: failing(0),
  },
  ...inThreeChops(3, 'a text in two fragments', [text(ONE, false), more(TWO)], {
    answers: [text(ONE + TWO)],
  }),
  ...inThreeChops(
    6,
    'a text in two fragments, a ping between',
    [text(ONE, false), ping(PAYLOAD), more(TWO)],
    {
      answers: [pong(PAYLOAD), text(ONE + TWO)],
    },
  ),
  ...inThreeChops(
    9,
    'a final continuation of nothing, then a text',
    [more('non-continuation'), text('Hello')],
    {
      fails: failing(0),
    },
  ),
  ...inThreeChops(
    12,
    'a continuation of nothing that is not final, then a text',
    [more('non-continuation', false), text('Hello')],
    { fails: failing(0) },
  ),
  {
    id: '5.15',
    description: 'a text in two fragments, a continuation of nothing that is not final, a text',
    sends: once(text(ONE, false), more(TWO), more(THREE, false), text(FOUR)),
    answers: [text(ONE + TWO)],
    fails: failing(2),
  },
  {
    id: '5.16',
    description: 'twice: a continuation of nothing that is not final, then a text in two fragments',
    sends: once(...twice(more(ONE, false), text(TWO, false), more(THREE))),
    answers: [],
    fails: failing(0),
  },
  {
    id: '5.17',
    description: 'twice: a final continuation of nothing, then a text in two fragments',
    sends: once(...twice(more(ONE), text(TWO, false), more(THREE))),
    answers: [],
    fails: failing(0),
  },
  {
    id: '5.18',
    description: 'a text in two fragments that are both opcode 1',
    sends: once(text(ONE, false), text(TWO)),
    answers: [],
    fails: failing(1),
  },
  { id: '5.19', description: 'a text in five fragments, pings between', ...interleaved(once) },
  {
    id: '5.20',
    description: 'a text in five fragments, pings between, frame by frame',
    ...interleaved(frameWise),
  },
]
