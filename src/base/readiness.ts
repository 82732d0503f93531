/** Whether this machine is to get requests. It answers those that come, whatever it says. */
export const READINESS = ['starting', 'ready', 'draining'] as const

export type Readiness = (typeof READINESS)[number]
