-- One star row a request. UNIQUE=1 makes every row a new one, so that no answer comes from a cache.
dofile("tests/bench/results.lua")
local unique = os.getenv("UNIQUE") == "1"
local row = '{"u":23.87882,"g":22.2753,"r":20.39501,"i":19.16573,"z":18.79371,"redshift":%.9f}'
local headers = { ["Content-Type"] = "application/json" }
-- Where the last load ended, or its rows would still be known.
local count = tonumber(os.getenv("START") or "0")

request = function()
  count = count + 1
  local redshift = unique and 0.4 + count * 1e-7 or 0.6347936
  return wrk.format("POST", "/v1/classify/star", headers, string.format(row, redshift))
end
