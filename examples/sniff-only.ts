/** The sniffer alone: says what each kind of client begins with. `node --import tsx examples/sniff-only.ts` */
import { Sniffer, Verdict } from 'portmanteau/sniff'

const names = Object.fromEntries(Object.entries(Verdict).map(([name, verdict]) => [verdict, name]))
const sniffer = new Sniffer()

for (const text of [
  'GET / HTTP/1.1\r\n',
  'GET lost\n',
  '{"a":1}\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01',
]) {
  const bytes = Buffer.from(text, 'latin1')
  sniffer.reset()
  sniffer.push(bytes, 0, bytes.length)
  console.log(`${JSON.stringify(text)} is ${names[sniffer.verdict]}, known at byte ${sniffer.bytes}`)
}
