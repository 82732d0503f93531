/** The file with the master's process id, for scripts and service managers. */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { MasterError } from './errors.ts'

/** Writes the file; returns how to remove it, which leaves another process's file alone. Throws `MasterError` (MASTER_FILE). */
export function writePidFile(path: string, pid: number): () => void {
  const text = `${pid}\n`
  try {
    writeFileSync(path, text, { mode: 0o644 })
  } catch (cause) {
    throw new MasterError(
      'MASTER_FILE',
      `Cannot write the process id to ${path}: ${String(cause)}`,
      {
        cause,
      },
    )
  }
  return () => {
    try {
      if (readFileSync(path, 'utf8') === text) unlinkSync(path)
    } catch {
      // Gone already, or not ours to remove any more.
    }
  }
}
