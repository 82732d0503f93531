/** What to do about each code of a union: a code without a row does not compile. */
export type Steps<Code extends string> = Readonly<Record<Code, string>>
