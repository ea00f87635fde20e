/** What groups 12 and 13 send: five kinds of data, from those that deflate well to those that hardly do. Seeded. */
import { Random } from '../support/random.ts'
import { SEED } from './payloads.ts'

export interface DataSet {
  readonly name: string
  readonly binary: boolean
  /** Whether it deflates to clearly less than it was. */
  readonly deflates: boolean
  readonly bytes: Buffer
}

const LENGTH = 192 * 1024

const WORDS = (
  'habe nun ach Philosophie Juristerei und Medizin leider auch Theologie durchaus studiert mit heißem Bemühn ' +
  'da steh ich armer Tor bin so klug als wie zuvor heiße Magister Doktor gar ziehe schon an die zehen Jahr'
).split(' ')

function filled(piece: (random: Random) => string | Uint8Array): Buffer {
  const random = new Random(SEED)
  const pieces: Buffer[] = []
  for (let length = 0; length < LENGTH; length += pieces.at(-1)!.length) {
    pieces.push(Buffer.from(piece(random) as string))
  }
  return Buffer.concat(pieces)
}

function sentence(random: Random): string {
  const words = Array.from({ length: 3 + random.below(9) }, () => random.pick(WORDS))
  return `${words.join(' ')}${random.pick(['.\n', ', ', '! '])}`
}

/** A row of a picture: neighbours are alike. */
function pixels(random: Random): Uint8Array {
  let grey = random.below(256)
  return Uint8Array.from({ length: 512 }, () => (grey = (grey + random.below(5) - 2) & 0xff))
}

/** Objects of text around streams that are deflated already. */
function object(random: Random): Uint8Array {
  const stream = random.bytes(2_000 + random.below(3_000))
  const head = `${random.below(900)} 0 obj\n<< /Length ${stream.length} /Filter /FlateDecode >>\nstream\n`
  return Buffer.concat([Buffer.from(head), stream, Buffer.from('\nendstream\nendobj\n')])
}

function record(random: Random): string {
  const name = random.pick(WORDS).replace(/[^a-zA-Z]/g, 'x')
  const tags = [random.below(100), random.next() < 0.5, name.toUpperCase()]
  return `${JSON.stringify({ id: random.below(1e6), name, score: random.next(), tags })},\n`
}

function element(random: Random): string {
  const id = random.below(1e5)
  return `<li class="entry"><a href="/entries/${id}">${record(random).trim()}</a> <em>${id % 97}</em></li>\n`
}

export const DATA_SETS: readonly DataSet[] = [
  { name: 'German verse', binary: true, deflates: true, bytes: filled(sentence) },
  { name: 'a grey picture', binary: true, deflates: true, bytes: filled(pixels) },
  { name: 'a document of deflated streams', binary: true, deflates: false, bytes: filled(object) },
  { name: 'JSON', binary: false, deflates: true, bytes: filled(record) },
  { name: 'HTML', binary: false, deflates: true, bytes: filled(element) },
]

/** The next `length` bytes of a data set for each call, around its end to its beginning. */
export function slicer({ bytes }: DataSet, length: number): () => Buffer {
  let at = 0
  return () => {
    const start = at
    at = (at + length) % bytes.length
    if (start + length <= bytes.length) return bytes.subarray(start, start + length)
    return Buffer.concat([bytes.subarray(start), bytes.subarray(0, start + length - bytes.length)])
  }
}
