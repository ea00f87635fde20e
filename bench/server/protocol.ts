/** What the processes of the bench say to each other, over Node's own IPC. */

/** Who serves. `net` is a bare node:net server that sends back what it gets: the most that a server in Node can reach. */
export type Contender = 'portmanteau' | 'ws' | 'net'

/** Every message gets its answer, or goes to every client. */
export type Behaviour = 'echo' | 'broadcast'

/** Asked of a server; the answer is its `Usage`. */
export type ServerRequest = 'usage' | 'collect garbage'

export interface Usage {
  /** Microseconds of CPU time, user and system, since the process began. */
  readonly cpu: number
  /** Bytes. */
  readonly rss: number
}

export type LoadRequest =
  | {
      readonly kind: 'connect'
      readonly name: string
      readonly port: number
      readonly connections: number
      readonly webSocket: boolean
      /** Bytes of a message. */
      readonly bytes: number
    }
  | {
      readonly kind: 'run'
      readonly name: string
      readonly behaviour: Behaviour
      readonly inFlight: number
      readonly milliseconds: number
    }
  | { readonly kind: 'disconnect'; readonly name: string }

export interface LoadAnswer {
  /** Messages that came back, or were delivered. */
  readonly messages: number
  readonly error?: string
}
