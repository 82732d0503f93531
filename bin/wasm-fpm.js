#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
// The installed command. Plain JavaScript that any Node can parse, so that an old one gets a clear answer.
// 26.10: net.BoundSocket with a path.
const [wantedMajor, wantedMinor] = [26, 10]
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
  process.stderr.write(
    `wasm-fpm needs Node ${wantedMajor}.${wantedMinor} or newer, and this is Node ${process.versions.node}.\n` +
      'Newer versions: https://nodejs.org, or `npm install --global node@26`.\n',
  )
  process.exit(78)
}
import('../dist/src/cli/main.js').catch((error) => {
  process.stderr.write(`wasm-fpm cannot start: ${error.message}\n`)
  process.exit(70)
})
