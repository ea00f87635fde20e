import type { Writer } from '../../index.ts'

/** Calls back when the client takes more, or is gone: here, or later. */
export function whenDrained(writer: Writer, callback: () => void): void {
  if (!writer.writableNeedDrain) return callback()
  const settle = () => {
    writer.off('drain', settle)
    writer.off('close', settle)
    callback()
  }
  writer.on('drain', settle)
  writer.on('close', settle)
}

/** For errors that nobody has to listen to: a peer that goes must not end the process. */
export function ignore(): void {}
