/** How large a component may be before it is refused: each of these bounds the time or the memory of reading it, or of a call. */
import { ComponentError } from './errors.ts'

export const COMPONENT_LIMITS = {
  /** Sections of all components in it. */
  sections: 10_000,
  /** Components, and types of components and instances, inside each other. */
  nesting: 16,
  /** Definitions: types, functions, instances, aliases, imports, exports, and the entries of each. */
  definitions: 200_000,
  /** Instances of components in it. */
  instances: 256,
  /** What is made when it is instantiated, of components that are instantiated several times as often. */
  steps: 200_000,
  /** Types inside each other. */
  typeDepth: 64,
  /** Fields, cases, names and elements of a type, those of the types in it included. */
  typeParts: 4_096,
  /** Instances of core modules. */
  coreInstances: 64,
} as const

/** Refuses `actual` of something when that is more than its limit. */
export function checkComponentLimit(name: keyof typeof COMPONENT_LIMITS, actual: number): void {
  const wanted = COMPONENT_LIMITS[name]
  if (actual <= wanted) return
  throw new ComponentError(
    'COMPONENT_LIMIT_EXCEEDED',
    { doing: 'accept', problem: `${name} is ${actual}, wanted at most ${wanted}` },
    { details: { limit: name, actual, wanted } },
  )
}
