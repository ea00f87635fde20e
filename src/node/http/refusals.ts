/** Why a request is given up, whatever carries it. */
import { RefusedError } from '../errors.ts'

export function headLate(): RefusedError {
  return new RefusedError('ERR_HTTP_HEAD_TIMEOUT', 408, 'Cannot wait any longer: the request head is late')
}

export function bodyLate(): RefusedError {
  return new RefusedError('ERR_HTTP_BODY_TIMEOUT', 408, 'Cannot wait any longer: the request body is late')
}

/** The peer has ended its side inside it. */
export function incomplete(): RefusedError {
  return new RefusedError(
    'ERR_HTTP_INCOMPLETE',
    400,
    'Cannot read the request: the connection ended inside it',
  )
}
