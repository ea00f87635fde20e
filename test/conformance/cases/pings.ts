/** Group 2: pings are answered with their payload, pongs are ignored. */
import { ping, pong } from '../../support/frames.ts'
import { type Case, chopped, once } from '../case.ts'

const SMALL_BINARY = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff)
const LONGEST = Buffer.alloc(125, 0xfe)
const UNASKED = 'unsolicited pong payload'
const TEN = Array.from({ length: 10 }, (_, index) => ping(`payload-${index}`))
const TEN_PONGS = TEN.map(({ payload }) => pong(payload))

export const pings: readonly Case[] = [
  { id: '2.1', description: 'a ping without payload', sends: once(ping()), answers: [pong()] },
  {
    id: '2.2',
    description: 'a ping with a small text payload',
    sends: once(ping('Hello, world!')),
    answers: [pong('Hello, world!')],
  },
  {
    id: '2.3',
    description: 'a ping with a small payload that is no text',
    sends: once(ping(SMALL_BINARY)),
    answers: [pong(SMALL_BINARY)],
  },
  {
    id: '2.4',
    description: 'a ping with 125 octets, the most there can be',
    sends: once(ping(LONGEST)),
    answers: [pong(LONGEST)],
  },
  {
    id: '2.5',
    description: 'a ping with 126 octets',
    sends: once(ping(Buffer.alloc(126, 0xfe))),
    answers: [],
    fails: { code: 1002, at: { frame: 0, header: 2 } },
  },
  {
    id: '2.6',
    description: 'a ping with 125 octets, octet by octet',
    sends: chopped(1, ping(LONGEST)),
    answers: [pong(LONGEST)],
  },
  { id: '2.7', description: 'an unsolicited pong without payload', sends: once(pong()), answers: [] },
  { id: '2.8', description: 'an unsolicited pong with payload', sends: once(pong(UNASKED)), answers: [] },
  {
    id: '2.9',
    description: 'an unsolicited pong with payload, then a ping with another',
    sends: once(pong(UNASKED), ping('ping payload')),
    answers: [pong('ping payload')],
  },
  { id: '2.10', description: 'ten pings with payload', sends: once(...TEN), answers: TEN_PONGS },
  {
    id: '2.11',
    description: 'ten pings with payload, octet by octet',
    sends: chopped(1, ...TEN),
    answers: TEN_PONGS,
  },
]
