/** Clients of the Socket.IO era, written apart from our own codec: they say what they got, frame by frame. */
import { runInNewContext } from 'node:vm'
import { until } from './serving.ts'
import type { Answering, Ask } from './session-wires.ts'

/** The transports that live on requests. */
export const ASKING = ['xhr-polling', 'jsonp-polling', 'htmlfile', 'xhr-multipart', 'server-events'] as const
export type AskingName = (typeof ASKING)[number]

/** A message, framed as 0.6 has it. */
export function frame06(text: string): string {
  return `~m~${text.length}~m~${text}`
}

/** The frames of 0.6. */
export function frames06(batch: string): string[] {
  const frames: string[] = []
  let rest = batch
  while (rest !== '') {
    const [whole, length] = /^~m~([0-9]+)~m~/.exec(rest) ?? []
    if (whole === undefined) throw new Error(`No frame: ${JSON.stringify(rest)}`)
    const end = whole.length + Number(length)
    if (rest.length < end) throw new Error(`A frame is cut off: ${JSON.stringify(rest)}`)
    frames.push(rest.slice(whole.length, end))
    rest = rest.slice(end)
  }
  return frames
}

/** The frames of 0.7pre: type, space, data. */
export function frames07(batch: string): string[] {
  const frames: string[] = []
  let rest = batch
  while (rest !== '') {
    const [whole, type, length] = /^([0-3]):([0-9]+):/.exec(rest) ?? []
    const end = (whole?.length ?? 0) + Number(length)
    if (whole === undefined || rest[end] !== ',') throw new Error(`No frame: ${JSON.stringify(rest)}`)
    frames.push(`${type} ${rest.slice(whole.length, end)}`)
    rest = rest.slice(end + 1)
  }
  return frames
}

/** What one transport makes of an answer: the batches that are complete. */
const batchesOf: Record<AskingName, (body: string, answering: Answering) => string[]> = {
  'xhr-polling': (body, { ended }) => (ended() ? [body] : []),
  'jsonp-polling': (body, { ended }) => (ended() ? [calledWith(body)] : []),
  htmlfile: (body) => {
    const scripts = [...body.matchAll(/<script>parent\.s\._\((.*?), document\);<\/script>/g)]
    return scripts.map(([, argument]) => JSON.parse(argument!) as string)
  },
  'xhr-multipart': (body, { headers }) => {
    const boundary = /boundary="([^"]+)"/.exec(String(headers['content-type']))![1]!
    const parts = body.split(`--${boundary}\n`).slice(1, -1)
    return parts.map((part) => part.slice(part.indexOf('\n\n') + 2, -1))
  },
  'server-events': (body) => {
    const events = body.split('\n\n').slice(0, -1)
    const ofData = events.filter((event) => event.startsWith('data: '))
    return ofData.map((event) => event.slice('data: '.length).replaceAll('\ndata: ', '\n'))
  },
}

/** A page that loads the script. */
function calledWith(script: string): string {
  const called: string[] = []
  const callback = { _: (data: string) => called.push(data) }
  runInNewContext(script, { io: { JSONP: [callback, callback] } })
  if (called.length !== 1) throw new Error(`Called ${called.length} times: ${script}`)
  return called[0]!
}

export class SessionClient {
  readonly name: AskingName
  /** Frames, the id not among them. */
  readonly received: string[]
  id: string
  /** Why it went, or ''. */
  refused: number
  /** How a batch is read. */
  frames: (batch: string) => string[]
  /** Whether it goes on polling. */
  polling: boolean
  stream: Answering | undefined
  readonly headers: Record<string, string>
  private readonly ask: Ask
  private readonly resource: string

  constructor(ask: Ask, name: AskingName, headers: Record<string, string> = {}, resource = 'socket.io') {
    this.name = name
    this.received = []
    this.id = ''
    this.refused = 0
    this.frames = frames06
    this.polling = true
    this.stream = undefined
    // A script whose page nothing shows may be another server's.
    this.headers = name === 'jsonp-polling' ? { 'sec-fetch-site': 'same-origin', ...headers } : headers
    this.ask = ask
    this.resource = resource
  }

  get polls(): boolean {
    return this.name === 'xhr-polling' || this.name === 'jsonp-polling'
  }

  /** The path of a request that reads; without an id it opens a session. */
  path(id = this.id): string {
    const tail = this.name === 'jsonp-polling' ? `${id}/1700000000000/1` : `${id}/1700000000000`
    return `/${this.resource}/${this.name}/${tail}`
  }

  /** Opens a session; then asks again and again, where the transport needs that. */
  async connect(): Promise<this> {
    await this.once()
    await until(() => this.id !== '' || this.refused > 0)
    if (this.polls && this.polling && this.refused === 0) void this.poll()
    return this
  }

  /** One request that reads. For a poll it resolves with its end. */
  async once(): Promise<void> {
    const answering = await this.ask(this.path(), { headers: this.headers })
    if (answering.status !== 200) {
      this.refused = answering.status
      return
    }
    this.stream = answering
    let taken = 0
    await new Promise<void>((resolve) => {
      if (!this.polls) resolve()
      answering.watch(() => {
        const batches = batchesOf[this.name](answering.body(), answering)
        for (; taken < batches.length; taken++) this.take(batches[taken]!)
        if (answering.ended()) resolve()
      })
    })
  }

  async send(...texts: string[]): Promise<number> {
    return this.sendPayload(texts.map(frame06).join(''))
  }

  async sendPayload(payload: string): Promise<number> {
    return (await this.post(`data=${encodeURIComponent(payload)}`)).status
  }

  async post(body: string): Promise<Answering> {
    const type = 'application/x-www-form-urlencoded; charset=utf-8'
    const tail = this.name === 'jsonp-polling' ? '/1700000000000/1' : '/send'
    const path = `/${this.resource}/${this.name}/${this.id}${tail}`
    const answering = await this.ask(path, { headers: { 'content-type': type, ...this.headers }, body })
    await until(() => answering.ended())
    return answering
  }

  async receives(count: number): Promise<string[]> {
    await until(() => this.received.length >= count)
    return this.received
  }

  private async poll(): Promise<void> {
    while (this.polling && this.refused === 0) await this.once().catch(() => (this.polling = false))
  }

  private take(batch: string): void {
    const frames = this.frames(batch)
    if (this.id === '') this.id = frames.shift()!
    this.received.push(...frames)
  }
}
