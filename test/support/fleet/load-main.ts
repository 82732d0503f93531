/** Load as a program of its own, for another network namespace: ends on SIGTERM, and says then what became of it, as a line of JSON. */
import { startHttpLoad } from './http-load.ts'

const WIDTH = 16

const [port] = process.argv.slice(2)
const load = startHttpLoad({
  ...{ port: Number(port), path: '/hello.wasm', host: 'acme.example' },
  width: WIDTH,
})
load.isFast = false
process.once('SIGTERM', () => {
  void load.stop().then(() => {
    const { answered, lost, longestMs } = load
    process.stdout.write(`${JSON.stringify({ answered, lost, longestMs })}\n`)
  })
})
