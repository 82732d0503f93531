/** What a guest has done against the canonical ABI: it traps. Thrown out of host functions. */
class GuestFault extends Error {}

export function fault(problem: string): GuestFault {
  return new GuestFault(`component: ${problem}`)
}
