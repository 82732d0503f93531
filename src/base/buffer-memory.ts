/**
 * For a process through which many bytes go that it does not keep. V8 looks for what nobody wants any more after each 64 MB of buffers, however
 * little else there is; counted with everything else, they are looked for in a third of the cases, for half the processor time of all.
 */
import { setFlagsFromString } from 'node:v8'

/** For good, from the next look on. */
export function countBuffersWithHeap(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
}
