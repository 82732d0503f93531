/** What the permission bits of a file let others than its owner do. */

/** Whether others can do anything with it: read, change or run it, or connect to it. */
export function isOpenToOthers(mode: number): boolean {
  return (mode & 0o077) !== 0
}

/** Whether others can change it: of a folder, what is in it. */
export function isWritableByOthers(mode: number): boolean {
  return (mode & 0o022) !== 0
}

/** As chmod takes it, such as "0644". */
export function printMode(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}
