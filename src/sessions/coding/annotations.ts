/**
 * The annotations of the encoding 0.7pre: what its messages carry besides their text. Two forms are in the world.
 *
 *     as its code wrote them:     *( key [ ":" value ] LF ) ":" text              r:chat LF :Hello world
 *     as its README prints them:  [ annotation *( LF annotation ) ] ":" text      r:chat:Hello world
 *
 * We write the first. We read both, as far as they can be told apart: without an LF behind it, an annotation's end and a
 * colon in its value look the same. So the second form is read only where it says which is meant: the realm, `r`, always
 * has a value, which then holds no colon, and `j`, which marks JSON, never has one. And where a line of the first form
 * could follow all the same (there is an LF with a colon behind it), the text is refused, as is a key that comes twice.
 */
import { SessionError, type SessionErrorCode } from '../errors.ts'

/** Keys with their values, `null` for one without; in the order in which they came. `j` is not among them. */
export type Annotations = ReadonlyMap<string, string | null>

/** Of a message that has none. */
export const NO_ANNOTATIONS: Annotations = new Map<string, string | null>()

/** The annotation that names a message's realm. */
export const REALM = 'r'
/** The annotation that says that a message is JSON. */
const JSON_KEY = 'j'

/** What the data of a message holds. */
export interface AnnotatedText {
  readonly text: string
  readonly json: boolean
  readonly annotations: Annotations
}

/**
 * Writes the data of a message, in the form of the code.
 *
 * @param annotations as `checkAnnotations` has let pass
 */
export function writeAnnotated(text: string, json: boolean, annotations: Annotations): string {
  let data = ''
  for (const [key, value] of annotations) data += value === null ? `${key}\n` : `${key}:${value}\n`
  return `${data}${json ? `${JSON_KEY}\n` : ''}:${text}`
}

/**
 * Checks annotations that are to be sent: what we could not read again is not written.
 *
 * @throws {SessionError} `ERR_SESSION_ANNOTATION_INVALID` if a key is empty or `j`, or a key or value holds `:` or LF
 */
export function checkAnnotations(annotations: Annotations): void {
  for (const [key, value] of annotations) {
    const valid = key !== '' && key !== JSON_KEY && !isBroken(key) && (value === null || !isBroken(value))
    if (!valid) {
      const shown = JSON.stringify(value === null ? key : `${key}:${value}`)
      throw new SessionError(
        'ERR_SESSION_ANNOTATION_INVALID',
        `Cannot send the annotation ${shown}: it would be read as another`,
      )
    }
  }
}

function isBroken(text: string): boolean {
  return text.includes(':') || text.includes('\n')
}

/**
 * Reads the data of a message, in either form.
 *
 * @param limit how many annotations there may be, `j` included
 * @returns the text and its annotations, or the code of what is wrong
 */
export function readAnnotated(data: string, limit: number): AnnotatedText | SessionErrorCode {
  if (data.startsWith(':')) return { text: data.slice(1), json: false, annotations: NO_ANNOTATIONS }
  return new AnnotationReader(data).read(limit)
}

class AnnotationReader {
  private readonly data: string
  private readonly annotations: Map<string, string | null>
  private json: boolean
  /** Where the next annotation begins, or the colon that ends the list is. */
  private at: number

  constructor(data: string) {
    this.data = data
    this.annotations = new Map()
    this.json = false
    this.at = 0
  }

  read(limit: number): AnnotatedText | SessionErrorCode {
    const { data, annotations } = this
    for (let count = 1; data[this.at] !== ':'; count++) {
      if (count > limit) return 'ERR_SESSION_TOO_MANY_ANNOTATIONS'
      const fault = this.readOne()
      if (fault !== undefined) return fault
    }
    return { text: data.slice(this.at + 1), json: this.json, annotations }
  }

  private readOne(): SessionErrorCode | undefined {
    const { data, at } = this
    const line = data.indexOf('\n', at)
    const colon = data.indexOf(':', at)
    if (colon < 0 || line === at) return 'ERR_SESSION_ANNOTATION_INVALID'
    if (line >= 0 && line < colon) return this.add(data.slice(at, line), null, line + 1)
    const key = data.slice(at, colon)
    if (key === JSON_KEY) return this.endAsPrinted(key, null, colon)
    const second = data.indexOf(':', colon + 1)
    if (second < 0) return 'ERR_SESSION_ANNOTATION_INVALID'
    if (line >= 0 && line < second) return this.add(key, data.slice(colon + 1, line), line + 1)
    if (key !== REALM) return 'ERR_SESSION_ANNOTATION_AMBIGUOUS'
    return this.endAsPrinted(key, data.slice(colon + 1, second), second)
  }

  /** The list ends at `colon` in the form of the README, if it could not go on in the form of the code. */
  private endAsPrinted(key: string, value: string | null, colon: number): SessionErrorCode | undefined {
    if (this.data.includes('\n:', colon)) return 'ERR_SESSION_ANNOTATION_AMBIGUOUS'
    return this.add(key, value, colon)
  }

  private add(key: string, value: string | null, next: number): SessionErrorCode | undefined {
    const repeated = this.annotations.has(key) || (this.json && key === JSON_KEY)
    if (repeated) return 'ERR_SESSION_ANNOTATION_INVALID'
    if (key === JSON_KEY) this.json = true
    else this.annotations.set(key, value)
    this.at = next
    return undefined
  }
}
