/**
 * One worker without a master, for profiling: `node bench/http/profile-server.ts CONFIG`. A master leaves its workers neither
 * NODE_OPTIONS nor the right to write files, which profiles need.
 */
import { systemClock } from '../../src/base/clock.ts'
import { printListenAddress } from '../../src/base/listen-address.ts'
import { createLogger } from '../../src/base/logger.ts'
import { loadConfig } from '../../src/config/load.ts'
import { handleRequest, refuseRequest } from '../../src/gateway/handle-request.ts'
import { openListener } from '../../src/gateway/listen/listener.ts'
import { GatewayAssembly } from '../../src/worker/assemble-gateway.ts'
import { connectionSettings } from '../../src/worker/listeners.ts'

const config = loadConfig(process.argv[2] ?? '')
const [clock, logger] = [systemClock, createLogger(config.log.level, false)]
const gateway = new GatewayAssembly({ clock, logger, accessLog: true }).assemble(config)
for (const pool of config.pools) {
  for (const address of pool.listen) {
    await openListener(printListenAddress(address), {
      handler: {
        onRequest: (request) => handleRequest(request, pool.name, gateway),
        onBadRequest: (request, error) => refuseRequest(request, error, gateway),
      },
      clock,
      logger,
      ...connectionSettings(pool, gateway.router.params),
    })
  }
}
// A profile is written when a process ends in good order.
process.once('SIGTERM', () => process.exit(0))
