/** wrk (Debian's package `wrk`) as the load. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface HttpTraffic {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly body: string
  /** Requests that are sent at once on each connection. */
  readonly pipelined: number
}

export function hasWrk(): boolean {
  return spawnSync('wrk', ['-v']).error === undefined
}

/** The bytes of one request as wrk sends it to this port. */
export function requestLength({ method, body }: HttpTraffic, port: number): number {
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
  return `${method} / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${length}\r\n${body}`.length
}

/** Writes the script that has wrk send this traffic. */
export function writeScript({ method, body, pipelined }: HttpTraffic): string {
  const folder = mkdtempSync(join(tmpdir(), 'portmanteau-wrk-'))
  const path = join(folder, 'traffic.lua')
  const request = `wrk.format("${method}", "/", nil, ${body === '' ? 'nil' : JSON.stringify(body)})`
  writeFileSync(
    path,
    `local requests
init = function(args)
  local one = ${request}
  requests = string.rep(one, ${pipelined})
end
request = function() return requests end
`,
  )
  return path
}

/** Sends as much as is answered in the time over 64 connections; resolves with the number of answers. */
export function runWrk(script: string, port: number, milliseconds: number): Promise<number> {
  const seconds = Math.max(1, Math.round(milliseconds / 1000))
  const args = ['-t1', '-c64', `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}/`]
  const wrk = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  wrk.stdout.on('data', (text) => {
    output += text
  })
  return new Promise((resolve, reject) => {
    wrk.on('error', reject)
    wrk.on('close', () => {
      const [, answers] = /([0-9]+) requests in/.exec(output) ?? []
      if (answers === undefined || /Non-2xx|Socket errors/.test(output))
        reject(new Error(`Cannot measure: wrk says ${output}`))
      else resolve(Number(answers))
    })
  })
}
