/** What a request gets whose body is coded in a way that cannot be read. */
import { acceptedBodyCodings, type Field } from '../../../http/index.ts'
import { RefusedError } from '../../errors.ts'
import type { DecodingFailure } from './body-decoder.ts'

/** What the answer to a content coding that is not read has to list (RFC 9110 §15.5.16). */
export const acceptEncodingFields: readonly Field[] = [['Accept-Encoding', acceptedBodyCodings]]

/** For a request whose Content-Encoding `readContentCodings` does not know; goes with {@link acceptEncodingFields}. */
export function codingRefusal(): RefusedError {
  return new RefusedError(
    'ERR_HTTP_CONTENT_CODING_UNSUPPORTED',
    415,
    `Cannot read the body: its content coding is not one of ${acceptedBodyCodings}`,
  )
}

/** For a body that could not be decoded. */
export function decodingRefusal(failure: DecodingFailure, limit: number): RefusedError {
  switch (failure) {
    case 'tooLarge':
      return new RefusedError(
        'ERR_HTTP_BODY_TOO_LARGE',
        413,
        `Cannot read the body: it has more than ${limit} bytes once it is decoded`,
      )
    case 'truncated':
      return new RefusedError(
        'ERR_HTTP_CONTENT_CODING_INVALID',
        400,
        'Cannot read the body: it ends before what it is coded in does',
      )
    default:
      return new RefusedError(
        'ERR_HTTP_CONTENT_CODING_INVALID',
        400,
        'Cannot read the body: it is not what its Content-Encoding says',
      )
  }
}
