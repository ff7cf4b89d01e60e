-- One picture a request: the file PICTURE to the path TARGET. UNIQUE=1 makes every one new by digits after the JPEG's end,
-- which no decoder reads and every hash does.
dofile("tests/bench/results.lua")
local unique = os.getenv("UNIQUE") == "1"
local path = os.getenv("TARGET")
local file = assert(io.open(os.getenv("PICTURE"), "rb"))
local picture = file:read("*a")
file:close()
local headers = { ["Content-Type"] = "image/jpeg" }
local count = tonumber(os.getenv("START") or "0")
refused = 0

request = function()
  count = count + 1
  local body = unique and picture .. string.format("%012d", count) or picture
  return wrk.format("POST", path, headers, body)
end

response = function(status)
  if status == 429 then
    refused = refused + 1
  end
end
