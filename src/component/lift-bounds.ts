/** How much a call may be given. */
import type { CanonicalOptions } from './definition.ts'

/** What a call may be given, and what becomes of it. */
export interface LiftBounds {
  /** Of one string. */
  readonly stringBytes: number
  /** Of all strings and lists of one call, which are copied before anybody knows what becomes of them. */
  readonly liftedBytes: number
  /** Of one list that is not of bytes: each may be a list itself, which takes microseconds. */
  readonly listElements: number
  /** Bytes that an element of such a list counts for. */
  readonly elementBytes: number
  /** Whether numbers of a list are kept as the bytes that they are. */
  readonly keepsNumbers: boolean
  /** Whether text in UTF-8 is kept as the bytes that it is. */
  readonly keepsText: boolean
  /** Whether another component is given what is given away, and not the host. */
  readonly isMoved: boolean
}

/** No function of the host takes more. */
export const FOR_HOST: LiftBounds = {
  ...{ stringBytes: 1024 * 1024, liftedBytes: 2 * 1024 * 1024, listElements: 1024 },
  ...{ elementBytes: 32, keepsNumbers: false, keepsText: false, isMoved: false },
}
/** 8,192 elements at most, then: lifting and lowering one takes a microsecond or more. Bytes and numbers are copied, twice. */
const FOR_COMPONENT: LiftBounds = {
  ...{ stringBytes: 2 * 1024 * 1024, liftedBytes: 4 * 1024 * 1024, listElements: 8192 },
  ...{ elementBytes: 512, keepsNumbers: true, keepsText: false, isMoved: true },
}
const FOR_COMPONENT_IN_UTF8: LiftBounds = { ...FOR_COMPONENT, keepsText: true }

/** For a component that wants text in `encoding`. */
export function boundsFor(encoding: CanonicalOptions['encoding']): LiftBounds {
  return encoding === 'utf8' ? FOR_COMPONENT_IN_UTF8 : FOR_COMPONENT
}
