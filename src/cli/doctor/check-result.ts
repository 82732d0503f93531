/** One thing the doctor has looked at. */
export interface Check {
  /** `machine`, `pool "www"`, `tenant "acme"`. */
  readonly subject: string
  readonly name: string
  readonly status: 'ok' | 'warn' | 'fail'
  /** What was found. */
  readonly actual: string
  /** What to do about it; empty when all is well. */
  readonly advice: string
}

export function ok(subject: string, name: string, actual: string): Check {
  return { subject, name, status: 'ok', actual, advice: '' }
}

/** Something that works, but not well, or not for long. */
export function warn(
  subject: string,
  name: string,
  [actual, advice]: readonly [string, string],
): Check {
  return { subject, name, status: 'warn', actual, advice }
}

/** Something that will not work. */
export function fail(
  subject: string,
  name: string,
  [actual, advice]: readonly [string, string],
): Check {
  return { subject, name, status: 'fail', actual, advice }
}
