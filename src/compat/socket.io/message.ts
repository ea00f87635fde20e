/** What a program sends, and gets: text, or JSON as the object that it is. */

/** Annotations as an object; a key without a value has `null`, or an empty text. */
export type AnnotationValues = Readonly<Record<string, string | null>>

/** A message as it goes out. */
export interface Outgoing {
  readonly text: string
  readonly json: boolean
  readonly annotations: ReadonlyMap<string, string | null>
}

/** The messages that a value is: an array is as many as it has elements. */
export function toMessages(value: unknown, annotations: AnnotationValues = {}): Outgoing[] {
  const map = new Map(Object.entries(annotations).map(([key, text]) => [key, text === '' ? null : text]))
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.map((each) => ({ ...encode(each), annotations: map }))
}

/** Only objects are JSON, as `[object Object]` tells; all else is its own text, and nothing is an empty one. */
function encode(value: unknown): { text: string; json: boolean } {
  if (value === null || value === undefined) return { text: '', json: false }
  const isObject = Object.prototype.toString.call(value) === '[object Object]'
  return isObject
    ? { text: JSON.stringify(value) ?? 'null', json: true }
    : { text: String(value), json: false }
}

/** A message that has come. Its annotations are an object without a prototype: their keys are the peer's to choose. */
export interface Incoming {
  readonly value: unknown
  readonly annotations: AnnotationValues
}

/** Reads a message; undefined, if it says that it is JSON and is none. */
export function readMessage(
  message: Buffer,
  json: boolean,
  annotations: ReadonlyMap<string, string | null>,
): Incoming | undefined {
  const values: Record<string, string | null> = Object.create(null)
  for (const [key, text] of annotations) values[key] = text
  const text = message.toString()
  if (!json) return { value: text, annotations: values }
  try {
    return { value: JSON.parse(text) as unknown, annotations: values }
  } catch {
    return undefined
  }
}
