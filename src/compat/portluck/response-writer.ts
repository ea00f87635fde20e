import type { Client, Data, FieldValue, Server, Writer } from '../../index.ts'

type Fields = Readonly<Record<string, FieldValue>>

/** Portluck's writer onto one of portmanteau's: a string goes out as text, a Buffer as binary, and raw bytes as they are. */
export class ResponseWriter {
  /** Portmanteau's own, for what Portluck had not: streams, `'drain'`, close codes. */
  readonly writer: Writer
  private readonly server: Server
  private readonly client: Client
  private encoding: BufferEncoding | undefined
  private endsAfterWrite: boolean
  private written: (() => void) | undefined
  /** While the answer waits for a first write: resolves with it, or when the client is gone. */
  private waiting: Promise<void> | undefined

  constructor(server: Server, client: Client, writer: Writer) {
    this.server = server
    this.writer = writer
    this.client = client
    this.encoding = undefined
    this.endsAfterWrite = false
    this.written = undefined
    this.waiting = undefined
  }

  /** Whether nothing can be written any more. */
  get ended(): boolean {
    return this.writer.ended
  }

  /** @internal What the answer has to wait for. */
  get pending(): Promise<void> | undefined {
    return this.waiting
  }

  /** Sends a message, or a part of an HTTP answer. Returns `false` when the client is slow or gone. */
  write(message: Data): boolean {
    const ready = this.send(this.encode(message))
    if (this.endsAfterWrite) this.end()
    return ready
  }

  /** Completes an HTTP answer; a raw or WebSocket client stays connected. */
  end(message?: Data): void {
    this.endsAfterWrite = false
    if (message !== undefined) this.write(message)
    this.writer.end()
    this.settle()
  }

  /** The same as `end`. */
  done(message?: Data): void {
    this.end(message)
  }

  /** An HTTP answer does not end by itself but with the next `write`. */
  endAfterWrite(): void {
    this.endsAfterWrite = true
    if (this.client.protocol !== 'http' || this.waiting !== undefined) return
    this.waiting = new Promise((resolve) => {
      this.written = resolve
    })
    this.writer.once('close', () => this.settle())
  }

  /** The same as `endAfterWrite`. */
  doneAfterWrite(): void {
    this.endAfterWrite()
  }

  /** Ends the connection: FIN, or a WebSocket close frame. */
  close(): void {
    this.writer.close()
    this.settle()
  }

  /** Cuts the connection. */
  destroy(): void {
    this.writer.destroy()
  }

  /** Sets the status and fields of an HTTP answer. The reason is the status's own, whatever is given. */
  writeHead(status: number, reason?: string | Fields, fields?: Fields): void {
    this.writer.writeHead(status, typeof reason === 'object' ? reason : fields)
  }

  /** Sets a field of an HTTP answer. */
  setHeader(name: string, value: FieldValue): void {
    this.writer.setHeader(name, value)
  }

  /** A field of an HTTP answer as it is set so far. */
  getHeader(name: string): FieldValue | undefined {
    return this.writer.getHeader(name)
  }

  /** Removes a field of an HTTP answer. */
  removeHeader(name: string): void {
    this.writer.removeHeader(name)
  }

  /** How strings become bytes, and that all is text; `'buffer'` or `'binary'`: all is binary. `null` for the default. */
  setDefaultEncoding(encoding: BufferEncoding | 'buffer' | null | undefined): void {
    this.encoding = encoding === 'buffer' ? 'binary' : (encoding ?? undefined)
  }

  /** A WebSocket has its own kinds; elsewhere there is none to tell. */
  private send(data: Data): boolean {
    if (this.client.protocol !== 'websocket') return this.writer.write(data)
    const { encoding } = this
    return this.server.send(
      this.client,
      data,
      encoding === undefined ? {} : { binary: encoding === 'binary' },
    )
  }

  private settle(): void {
    this.written?.()
    this.written = undefined
    this.waiting = undefined
  }

  private encode(message: Data): Data {
    const { encoding } = this
    return typeof message !== 'string' || encoding === undefined || encoding === 'binary'
      ? message
      : Buffer.from(message, encoding)
  }
}
