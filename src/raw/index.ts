export {
  type Framing,
  FramingError,
  type FramingErrorCode,
  type FramingReader,
  type MessageSink,
} from './framing.ts'
export { LineReader, lineFraming } from './line.ts'
