/** Group 4: opcodes that are reserved. */
import { frame, ping, text } from '../../support/frames.ts'
import { type Case, chopped, once } from '../case.ts'

const HELLO = 'Hello, world!'

/** The reserved opcode alone, with payload, and behind a message that is still answered. */
function reserved(group: string, kind: string, first: number): Case[] {
  const alone = { answers: [], fails: { code: 1002, at: { frame: 0, header: 1 } } }
  const behind = { answers: [text(HELLO)], fails: { code: 1002, at: { frame: 1, header: 1 } } }
  return [
    {
      id: `${group}.1`,
      description: `reserved ${kind} opcode ${first}`,
      sends: once(frame(first)),
      ...alone,
    },
    {
      id: `${group}.2`,
      description: `reserved ${kind} opcode ${first + 1} with payload`,
      sends: once(frame(first + 1, 'reserved opcode payload')),
      ...alone,
    },
    {
      id: `${group}.3`,
      description: `a text, reserved ${kind} opcode ${first + 2}, a ping`,
      sends: once(text(HELLO), frame(first + 2), ping()),
      ...behind,
    },
    {
      id: `${group}.4`,
      description: `a text, reserved ${kind} opcode ${first + 3} with payload, a ping`,
      sends: once(text(HELLO), frame(first + 3, HELLO), ping()),
      ...behind,
    },
    {
      id: `${group}.5`,
      description: `a text, reserved ${kind} opcode ${first + 4} with payload, a ping, octet by octet`,
      sends: chopped(1, text(HELLO), frame(first + 4, HELLO), ping()),
      ...behind,
    },
  ]
}

export const opcodes: readonly Case[] = [...reserved('4.1', 'data', 3), ...reserved('4.2', 'control', 11)]
