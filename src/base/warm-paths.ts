/** What may be asked ahead of all requests: paths of URLs, with their queries. In configurations and in manifests. */

export const MAX_WARM_PATHS = 32

export const WARM_PATHS_WANTED = `at most ${MAX_WARM_PATHS} paths that start with "/", such as ["/", "/doku.php?id=start"]`

export function areWarmPaths(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MAX_WARM_PATHS && value.every(isWarmPath)
}

function isWarmPath(path: unknown): boolean {
  return typeof path === 'string' && /^\/[\x21\x22\x24-\x7e]{0,1023}$/.test(path)
}
