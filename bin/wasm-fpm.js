#!/usr/bin/env node
// The installed command. Plain JavaScript that any Node can parse, so that an old one gets a clear answer.
const wanted = 26
const found = Number(process.versions.node.split('.')[0])
if (found < wanted) {
  process.stderr.write(
    `wasm-fpm needs Node ${wanted} or newer, and this is Node ${process.versions.node}.\n` +
      'Newer versions: https://nodejs.org, or `npm install --global node@26`.\n',
  )
  process.exit(78)
}
import('../dist/src/cli/main.js').catch((error) => {
  process.stderr.write(`wasm-fpm cannot start: ${error.message}\n`)
  process.exit(70)
})
