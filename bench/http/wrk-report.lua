-- wrk script: `wrk -s wrk-report.lua URL -- [BODY_BYTES]`. Prints one line of JSON when the run ends.
-- With BODY_BYTES every request is a POST of that many bytes.
function init(args)
  if args[1] then
    wrk.method = "POST"
    wrk.body = string.rep("x", tonumber(args[1]))
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"bytes":%.0f,"durationUs":%d,"p50Us":%d,"p99Us":%d,"maxUs":%d,' ..
    '"badStatus":%d,"socketErrors":%d,"timeouts":%d}\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
