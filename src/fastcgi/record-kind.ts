/** Which of a web server's records does what (FastCGI 1.0, section 3.3 and 8). */
import { RecordType } from './constants.ts'

/**
 * begin, abort, params, input (STDIN, DATA): for a request. values: GET_VALUES. unknown-question: a management
 * record nobody knows, to be answered. unknown: an application record nobody knows, to be skipped. misplaced:
 * one a web server must not send, or not with this id.
 */
export type RecordKind =
  | 'begin'
  | 'abort'
  | 'params'
  | 'input'
  | 'values'
  | 'unknown-question'
  | 'unknown'
  | 'misplaced'

/** Judges a header. Id 0 makes a record a management record. */
export function recordKind(type: number, requestId: number): RecordKind {
  const isManagement = requestId === 0
  switch (type) {
    case RecordType.BeginRequest:
      return isManagement ? 'misplaced' : 'begin'
    case RecordType.AbortRequest:
      return isManagement ? 'misplaced' : 'abort'
    case RecordType.Params:
      return isManagement ? 'misplaced' : 'params'
    case RecordType.Stdin:
    case RecordType.Data:
      return isManagement ? 'misplaced' : 'input'
    case RecordType.GetValues:
      return isManagement ? 'values' : 'unknown'
    case RecordType.EndRequest:
    case RecordType.Stdout:
    case RecordType.Stderr:
    case RecordType.GetValuesResult:
    case RecordType.UnknownType:
      return 'misplaced'
    default:
      return isManagement ? 'unknown-question' : 'unknown'
  }
}
