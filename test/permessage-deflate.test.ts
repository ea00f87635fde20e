import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  acceptDeflate,
  DEFLATE_END,
  DEFLATE_TAIL,
  type DeflateAgreement,
  type DeflateSettings,
  negotiateDeflate,
  offerDeflate,
  withoutDeflateTail,
} from '../src/ws-codec/handshake/permessage-deflate.ts'

const NAME = 'permessage-deflate'
const ALONE = '; server_no_context_takeover; client_no_context_takeover'
const TAKEOVER: DeflateSettings = { serverTakeover: true, clientTakeover: true }

function agreed(offers: string, settings: DeflateSettings = {}): DeflateAgreement {
  const agreement = negotiateDeflate(offers, settings)
  assert.ok(agreement !== undefined, `declined: ${offers}`)
  return agreement
}

function accepted(answer: string, offered: DeflateSettings = {}): DeflateAgreement {
  const agreement = acceptDeflate(answer, offered)
  assert.ok(typeof agreement === 'object', `${answer}: ${agreement}`)
  return agreement
}

test('without settings, each message stands for itself', () => {
  assert.deepEqual(agreed(NAME), {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
    answer: NAME + ALONE,
  })
})

test('nothing offered, nothing agreed', () => {
  assert.equal(negotiateDeflate(undefined), undefined)
  for (const offers of [
    '',
    ' , ,',
    'x-webkit-deflate-frame',
    'permessage-bzip2; level=9, permessage-deflat',
  ]) {
    assert.equal(negotiateDeflate(offers), undefined, offers)
  }
})

/** RFC 7692 §7.1, with takeover wished for on both sides. */
const answers: [offer: string, answer: string, settings?: DeflateSettings][] = [
  ['', ''],
  ['; client_max_window_bits', ''],
  ['; server_no_context_takeover', '; server_no_context_takeover'],
  ['; client_no_context_takeover', '; client_no_context_takeover'],
  ['; server_max_window_bits=10', '; server_max_window_bits=10'],
  ['; server_max_window_bits=8', '; server_max_window_bits=8'],
  ['; server_max_window_bits=15', '; server_max_window_bits=15'],
  ['; client_max_window_bits=12', '; client_max_window_bits=12'],
  ['; client_max_window_bits="1\\2"', '; client_max_window_bits=12'],
  [';server_max_window_bits="9"', '; server_max_window_bits=9'],
  ['\t;\tserver_max_window_bits = 9 ', '; server_max_window_bits=9'],
  ['', '; server_max_window_bits=11', { serverMaxWindowBits: 11 }],
  ['; server_max_window_bits=13', '; server_max_window_bits=11', { serverMaxWindowBits: 11 }],
  ['; server_max_window_bits=9', '; server_max_window_bits=9', { serverMaxWindowBits: 11 }],
  ['; client_max_window_bits', '; client_max_window_bits=10', { clientMaxWindowBits: 10 }],
  ['; client_max_window_bits=9', '; client_max_window_bits=9', { clientMaxWindowBits: 10 }],
  ['; client_max_window_bits=12', '; client_max_window_bits=10', { clientMaxWindowBits: 10 }],
]

for (const [offer, answer, settings] of answers) {
  test(`the offer "${offer}" is answered with "${answer}" (${JSON.stringify(settings ?? {})})`, () => {
    assert.equal(agreed(NAME + offer, { ...TAKEOVER, ...settings }).answer, NAME + answer)
  })
}

test('what is answered is what is agreed', () => {
  for (const [offer, , settings] of answers) {
    const wanted = { ...TAKEOVER, ...settings }
    const server = agreed(NAME + offer, wanted)
    const has = (name: string) => server.answer.includes(name)
    assert.equal(server.serverNoContextTakeover, has('server_no_context_takeover'))
    assert.equal(server.clientNoContextTakeover, has('client_no_context_takeover'))
    assert.equal(server.serverMaxWindowBits < 15, /server_max_window_bits=(?!15)/.test(server.answer))
    assert.equal(server.clientMaxWindowBits < 15, has('client_max_window_bits='))
  }
})

test('a client that cannot be told its window is not compressed with, when the window is bounded', () => {
  assert.equal(negotiateDeflate(NAME, { clientMaxWindowBits: 10 }), undefined)
})

test('§5.1: the first acceptable offer is taken', () => {
  const offers = `other; a="\\b\\c"; d, ${NAME}; unknown, ${NAME}; server_max_window_bits=10, ${NAME}`
  assert.equal(agreed(offers, TAKEOVER).serverMaxWindowBits, 10)
  assert.equal(
    agreed(`${NAME}; client_max_window_bits; server_max_window_bits=10, ${NAME}`).serverMaxWindowBits,
    10,
  )
})

/** W19, and the advisories "window bits out of range" and "extension names from Object.prototype". */
const declined = [
  'server_max_window_bits',
  'server_max_window_bits=""',
  'server_max_window_bits=7',
  'server_max_window_bits=16',
  'server_max_window_bits=08',
  'server_max_window_bits=010',
  'server_max_window_bits="08"',
  'server_max_window_bits=0',
  'server_max_window_bits=1',
  'server_max_window_bits=100',
  'server_max_window_bits=-9',
  'server_max_window_bits=+9',
  'server_max_window_bits=9.0',
  'server_max_window_bits=1e1',
  'server_max_window_bits=0xa',
  'server_max_window_bits=ten',
  'server_max_window_bits=4294967304',
  'server_max_window_bits=constructor',
  'client_max_window_bits=7',
  'client_max_window_bits=16',
  'client_max_window_bits=08',
  'client_max_window_bits=NaN',
  'client_max_window_bits=__proto__',
  'client_no_context_takeover=1',
  'client_no_context_takeover=true',
  'server_no_context_takeover=""',
  'server_no_context_takeover="server_no_context_takeover"',
  'server_no_context_takeover; server_no_context_takeover',
  'client_no_context_takeover; client_no_context_takeover',
  'server_max_window_bits=10; server_max_window_bits=10',
  'client_max_window_bits; client_max_window_bits',
  'client_max_window_bits; client_max_window_bits=10',
  'client_max_window_bits=10; client_max_window_bits',
  'Server_No_Context_Takeover',
  'unknown',
  'unknown=1',
  '__proto__',
  '__proto__=10',
  'constructor',
  'toString',
  'hasOwnProperty=9',
  'valueOf; server_no_context_takeover',
]

for (const parameters of declined) {
  test(`W19: ${parameters} is declined, and the next offer taken`, () => {
    assert.equal(negotiateDeflate(`${NAME}; ${parameters}`, TAKEOVER), undefined)
    const offers = `${NAME}; ${parameters}, ${NAME}; server_max_window_bits=9`
    const next = negotiateDeflate(offers, TAKEOVER)
    // A quoted value that is no token breaks the list.
    if (parameters.includes('""')) assert.equal(next, undefined)
    else assert.equal(next?.answer, `${NAME}; server_max_window_bits=9`)
  })
}

for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'Permessage-Deflate']) {
  test(`W19: an extension named ${name} is another one`, () => {
    assert.equal(negotiateDeflate(name), undefined)
    assert.equal(agreed(`${name}; a=1, ${NAME}`).answer, NAME + ALONE)
  })
}

const malformed = [
  `${NAME};`,
  `${NAME}; ;`,
  `${NAME}; =9`,
  `${NAME}; server_max_window_bits=`,
  `${NAME}; server_max_window_bits="9`,
  `${NAME}; server_max_window_bits="9\\`,
  `${NAME}; server_max_window_bits="9"9`,
  `${NAME}; server_max_window_bits=9 9`,
  `${NAME}; server_max_window_bits==9`,
  `${NAME}=9`,
  `${NAME} ${NAME}`,
  `"${NAME}"`,
  `;${NAME}`,
  `${NAME}, a b`,
  `${NAME}, ;`,
  `${NAME}, \u0000`,
  `${NAME}, é`,
  `${NAME}, a; b="c d"`,
  `${NAME}; ser\u212aer`,
]

for (const list of malformed) {
  test(`W19: the malformed list ${JSON.stringify(list)} is declined`, () => {
    assert.equal(negotiateDeflate(list), undefined)
    assert.equal(acceptDeflate(list), 'invalid')
  })
}

test('W19: no list makes it throw', () => {
  const parts = [NAME, ';', ',', '=', '"', '\\', ' ', 'server_max_window_bits', '9', '__proto__', '\u0000']
  let seed = 20_251_121
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 1
    return seed % below
  }
  for (let run = 0; run < 20_000; run++) {
    const list = Array.from({ length: random(12) }, () => parts[random(parts.length)]).join('')
    const agreement = negotiateDeflate(list)
    const repeated = agreement === undefined ? undefined : acceptDeflate(agreement.answer)
    assert.notEqual(repeated, 'invalid', `seed 20251121, run ${run}: ${list}`)
  }
})

/** W29: 64 KiB of each; a reader that goes back takes seconds for at least one of them. */
const floods: [name: string, unit: string, start?: string][] = [
  ['commas', ','],
  ['spaces', ' '],
  ['separators', ' ,\t'],
  ['letters', 'a'],
  ['extensions', 'a,'],
  ['offers', `${NAME};unknown,`],
  ['parameters', ';a', NAME],
  ['values', ';a="b"', NAME],
  ['backslashes', '\\\\', `${NAME};a="`],
  ['escaped quotes', '\\"', `${NAME};a="`],
  ['open quotes', ';a="', NAME],
  ['semicolons', ';', NAME],
  ['spaces before semicolons', ' ;', NAME],
]

for (const [name, unit, start = ''] of floods) {
  test(`W29: 64 KiB of ${name} take linear time`, () => {
    const list = start + unit.repeat(65_536 / unit.length)
    const began = process.hrtime.bigint()
    negotiateDeflate(list)
    acceptDeflate(list)
    const milliseconds = Number(process.hrtime.bigint() - began) / 1e6
    assert.ok(milliseconds < 250, `${milliseconds} ms`)
  })
}

test('the offer says what is wished for', () => {
  assert.equal(offerDeflate(), `${NAME}${ALONE}; client_max_window_bits`)
  assert.equal(offerDeflate(TAKEOVER), `${NAME}; client_max_window_bits`)
  assert.equal(
    offerDeflate({ ...TAKEOVER, serverMaxWindowBits: 9, clientMaxWindowBits: 10 }),
    `${NAME}; server_max_window_bits=9; client_max_window_bits=10`,
  )
})

test('our client and our server agree on the same, whatever either wishes for', () => {
  for (const bits of [8, 9, 12, 15]) {
    for (const other of [8, 10, 15]) {
      for (const flags of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
        const client = {
          serverTakeover: (flags & 1) !== 0,
          clientTakeover: (flags & 2) !== 0,
          serverMaxWindowBits: bits,
          clientMaxWindowBits: other,
        }
        const server = {
          serverTakeover: (flags & 4) !== 0,
          clientTakeover: (flags & 8) !== 0,
          serverMaxWindowBits: other,
          clientMaxWindowBits: bits,
        }
        const agreement = agreed(offerDeflate(client), server)
        assert.deepEqual(accepted(agreement.answer, client), agreement)
        assert.equal(agreement.serverMaxWindowBits, Math.min(bits, other))
      }
    }
  }
})

test('no answer: the server declined', () => {
  assert.equal(acceptDeflate(undefined), undefined)
})

test('a client that offered no takeover of its own keeps to it, whatever the answer says', () => {
  const agreement = accepted(`${NAME}; server_no_context_takeover`)
  assert.equal(agreement.clientNoContextTakeover, true)
})

test('a server may bound its own window and the takeovers unasked (§7.1.1, §7.1.2)', () => {
  const answer = `${NAME}; server_max_window_bits=9; client_no_context_takeover; server_no_context_takeover`
  const agreement = accepted(answer, TAKEOVER)
  assert.deepEqual(agreement, {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 9,
    clientMaxWindowBits: 15,
    answer,
  })
})

test('the client keeps to the window that it offered when the answer names none', () => {
  assert.equal(accepted(NAME, { ...TAKEOVER, clientMaxWindowBits: 11 }).clientMaxWindowBits, 11)
})

const invalid: [answer: string, offered: DeflateSettings][] = [
  ['', TAKEOVER],
  ['permessage-bzip2', TAKEOVER],
  ['__proto__', TAKEOVER],
  [`${NAME}, ${NAME}`, TAKEOVER],
  [`${NAME}, other`, TAKEOVER],
  [`${NAME}; client_max_window_bits`, TAKEOVER],
  [`${NAME}; unknown`, TAKEOVER],
  [`${NAME}; server_max_window_bits`, TAKEOVER],
  [`${NAME}; server_max_window_bits=16`, TAKEOVER],
  [`${NAME}; client_max_window_bits=7`, TAKEOVER],
  [`${NAME}; server_no_context_takeover; server_no_context_takeover`, TAKEOVER],
  [NAME, { clientTakeover: true }],
  [NAME, { ...TAKEOVER, serverMaxWindowBits: 10 }],
  [`${NAME}; server_max_window_bits=11`, { ...TAKEOVER, serverMaxWindowBits: 10 }],
  [`${NAME}; client_max_window_bits=11`, { ...TAKEOVER, clientMaxWindowBits: 10 }],
]

for (const [answer, offered] of invalid) {
  test(`the answer "${answer}" to "${offerDeflate(offered)}" is invalid`, () => {
    assert.equal(acceptDeflate(answer, offered), 'invalid')
  })
}

for (const bits of [7, 16, 9.5, Number.NaN, '10']) {
  test(`a window of ${typeof bits} ${bits} bits of one's own throws`, () => {
    const settings = { serverMaxWindowBits: bits } as DeflateSettings
    for (const call of [
      () => negotiateDeflate(NAME, settings),
      () => offerDeflate(settings),
      () => acceptDeflate(NAME, settings),
    ]) {
      assert.throws(call, { code: 'ERR_WS_OPTION', message: /serverMaxWindowBits is .*, not 8 to 15$/ })
    }
  })
}

test('§7.2.1: the tail is taken off where it lies', () => {
  const flushed = Uint8Array.of(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff)
  const payload = withoutDeflateTail(flushed)
  assert.deepEqual(payload, flushed.slice(0, 7))
  assert.equal(payload.buffer, flushed.buffer)
  assert.deepEqual(withoutDeflateTail(payload), payload)
  assert.equal(withoutDeflateTail(DEFLATE_TAIL).length, 0)
  assert.deepEqual(withoutDeflateTail(Uint8Array.of(0xff, 0xff)), Uint8Array.of(0xff, 0xff))
})

test('the end is the tail and an empty final block', () => {
  assert.deepEqual(DEFLATE_END.subarray(0, 4), DEFLATE_TAIL)
  assert.deepEqual(DEFLATE_END.subarray(4), Uint8Array.of(0x01, 0x00, 0x00, 0xff, 0xff))
})
