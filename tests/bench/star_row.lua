-- One star row a request for wrk. UNIQUE=1 makes every row a new one, so that no answer comes from a cache.
local unique = os.getenv("UNIQUE") == "1"
local row = '{"u":23.87882,"g":22.2753,"r":20.39501,"i":19.16573,"z":18.79371,"redshift":%.9f}'
local headers = { ["Content-Type"] = "application/json" }
local count = 0

request = function()
  count = count + 1
  local redshift = unique and 0.4 + count * 1e-7 or 0.6347936
  return wrk.format("POST", "/v1/classify/star", headers, string.format(row, redshift))
end

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.3f,"p50_ms":%.3f,"p90_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,' ..
    '"failed_connections":%d,"failed_statuses":%d,"timeouts":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write, errors.status, errors.timeout))
end
