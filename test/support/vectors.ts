import { readdirSync, readFileSync } from 'node:fs'
import { bytes } from './splits.ts'

/**
 * Golden cases written in Markdown. A heading followed by at least one fenced block is a case; a heading
 * without one is only a title. Under the heading, in any order:
 *
 *     ### Name of the case
 *     Prose, ignored.
 *     - verdict: http1
 *     - falls at: 16
 *     ```input
 *     GET / HTTP/1.1\r\n
 *     ```
 *
 * `- key: value` lines become `values` (one pair of backticks around a value is dropped), fenced blocks
 * become `blocks`, named by their info string. A key or a block given twice, a fence left open, and a name
 * outside the allowed ones are errors: a case with a typo must not pass by being skipped.
 */
export interface VectorCase {
  readonly name: string
  /** The last title (a heading without a block) above it, or ''. */
  readonly group: string
  /** `file.md:line` of the heading. */
  readonly where: string
  readonly values: ReadonlyMap<string, string>
  /** Info string to the text between the fences, as written (see `bytesOf`). */
  readonly blocks: ReadonlyMap<string, string>
}

/** What a case may contain. Without it anything goes. */
export interface VectorShape {
  readonly keys: readonly string[]
  readonly blocks: readonly string[]
}

/** The cases of every `.md` file of a folder (a URL ending in `/`), in order of file name. */
export function readVectorFolder(folder: URL, shape?: VectorShape): VectorCase[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.md'))
  return files.sort().flatMap((name) => readVectorFile(new URL(name, folder), shape))
}

export function readVectorFile(file: URL, shape?: VectorShape): VectorCase[] {
  const name = file.pathname.slice(file.pathname.lastIndexOf('/') + 1)
  return parseVectors(readFileSync(file, 'utf8'), name, shape)
}

export function parseVectors(markdown: string, file: string, shape?: VectorShape): VectorCase[] {
  const lines = markdown.split('\n')
  const cases: VectorCase[] = []
  let group = ''
  let name = ''
  let where = `${file}:1`
  let values = new Map<string, string>()
  let blocks = new Map<string, string>()

  function finish(): void {
    if (blocks.size > 0) {
      checkNames(values, shape?.keys, where)
      checkNames(blocks, shape?.blocks, where)
      cases.push({ name, group, where, values, blocks })
    } else if (values.size > 0) throw new Error(`${where}: Cannot use "${name}": it has values and no block`)
    else group = name
  }

  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    const heading = /^#+ +(.*\S)/.exec(line)
    if (heading) {
      finish()
      name = heading[1]!
      where = `${file}:${at + 1}`
      values = new Map()
      blocks = new Map()
      continue
    }
    const value = /^- ([a-z][a-z0-9 -]*): +(.*\S)/.exec(line)
    if (value) setOnce(values, value[1]!, value[2]!.replace(/^`(.*)`$/, '$1'), `${file}:${at + 1}`)
    if (!line.startsWith('```')) continue
    const close = lines.indexOf('```', at + 1)
    if (close < 0) throw new Error(`${file}:${at + 1}: Cannot read a block: the fence is left open`)
    setOnce(blocks, line.slice(3).trim(), lines.slice(at + 1, close).join('\n'), `${file}:${at + 1}`)
    at = close
  }
  finish()
  return cases
}

function setOnce(map: Map<string, string>, key: string, value: string, where: string): void {
  if (map.has(key)) throw new Error(`${where}: Cannot set "${key}": it is already set`)
  map.set(key, value)
}

function checkNames(map: Map<string, string>, allowed: readonly string[] | undefined, where: string): void {
  for (const key of map.keys()) {
    if (allowed?.includes(key) === false)
      throw new Error(`${where}: Cannot use "${key}": it is not known here`)
  }
}

/**
 * The bytes that a block stands for. Line breaks of the file are not bytes; `\r`, `\n`, `\t`, `\\`, `\xHH`
 * and `\{text*count}` (text, itself with escapes, that many times) are. Other characters are Latin-1.
 */
export function bytesOf(block: string): Uint8Array {
  const data = unescaped(block.replaceAll('\n', ''))
  for (const character of data) {
    if (character > '\xff') throw new Error(`Cannot encode "${character}": it is not Latin-1`)
  }
  return bytes(data)
}

const escapes = new Map([
  ['r', '\r'],
  ['n', '\n'],
  ['t', '\t'],
  ['\\', '\\'],
])

function unescaped(escaped: string): string {
  return escaped.replace(
    /\\(?:\{(.*?)\*(\d+)\}|x([0-9a-fA-F]{2})|(.?))/g,
    (whole, repeated: string | undefined, count: string, hex: string | undefined, letter: string) => {
      if (repeated !== undefined) return unescaped(repeated).repeat(Number(count))
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      const character = escapes.get(letter)
      if (character === undefined) throw new Error(`Cannot unescape "${whole}": the escape is not known`)
      return character
    },
  )
}
