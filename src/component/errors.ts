/** What can be wrong with a component. What is wrong with a core module in it has a `WASM_` code. */
import { type CodedErrorOptions, type Finding, SubjectError } from '../base/errors.ts'

export type ComponentErrorCode =
  /** The binary format is broken, or an index, a name or a type does not fit. */
  | 'COMPONENT_MALFORMED'
  /** Larger than a named limit (`details.limit`). */
  | 'COMPONENT_LIMIT_EXCEEDED'
  /** Something of the component model that is not run here. */
  | 'COMPONENT_UNSUPPORTED'
  /** It imports what no component is given here, or with another type. */
  | 'COMPONENT_IMPORT'
  /** It does not export what a request is given to. */
  | 'COMPONENT_EXPORT'

/** About a component that whoever throws it has no name for. */
export class ComponentError extends SubjectError<ComponentErrorCode> {
  constructor(code: ComponentErrorCode, finding: Finding, options?: CodedErrorOptions) {
    super(code, { subject: 'component', ...finding }, options)
  }
}

/** Names of a component are whatever it likes, as long as it likes. */
const LONGEST_NAME = 80

/** A name as a message shows it. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 3)}...` : name)
}

/** Makes the error for a component that is broken; `problem`: what is, and what was wanted. */
export function malformed(problem: string): ComponentError {
  return new ComponentError('COMPONENT_MALFORMED', { doing: 'read', problem: `${problem}` })
}

/** Makes the error for what is not run here. */
export function unsupported(what: string): ComponentError {
  return new ComponentError('COMPONENT_UNSUPPORTED', {
    doing: 'run',
    problem: `it has ${what}, wanted what is run of WASI 0.2 and 0.3: docs/abi.md has a list`,
  })
}
