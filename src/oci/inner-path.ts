/** Paths inside an artifact: what an archive may name, and where a module's title may put it. */

/** Relative, below its folder, spelled in one way only, without characters that terminals act on. */
export function isInnerPath(path: string): boolean {
  return (
    !/[\p{Cc}\\\ufffd]/u.test(path) &&
    path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  )
}
