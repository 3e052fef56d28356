-- http.lua: asks, for wrk, what the lines of a file say, one after another in an
-- order of each thread's own.
--
--     wrk ... -s http.lua URL -- FILE
--
-- A line has a path, a token and the validator of an answer that is known, if any,
-- with tabs between; 304 is as good as 200.  What came of it is printed
-- in one line: requests a second, latencies in ms, requests, answers by class.

local threads = {}

function setup(thread)
  thread:set("number", #threads + 1)
  table.insert(threads, thread)
end

function init(args)
  requests = {}
  good, limited, refused, failed = 0, 0, 0, 0
  for line in io.lines(args[1]) do
    local path, token, known = line:match("^(.-)\t([^\t]*)\t?(.*)$")
    local headers = {["Authorization"] = "Bearer " .. token, ["Host"] = "localhost"}
    if known ~= "" then
      headers["If-None-Match"] = known
    end
    table.insert(requests, wrk.format("GET", path, headers))
  end
  math.randomseed(number)
end

function request()
  return requests[math.random(#requests)]
end

function response(status)
  if status == 200 or status == 304 then
    good = good + 1
  elseif status == 429 then
    limited = limited + 1
  elseif status >= 500 then
    failed = failed + 1
  else
    refused = refused + 1
  end
end

function done(summary, latency)
  local sum = {good = 0, limited = 0, refused = 0, failed = 0}
  for _, thread in ipairs(threads) do
    for name in pairs(sum) do
      sum[name] = sum[name] + thread:get(name)
    end
  end
  local errors = summary.errors
  print(string.format("result\t%.0f\t%.2f\t%.2f\t%.2f\t%d\t%d\t%d\t%d\t%d\t%d", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000, summary.requests,
    sum.good, sum.refused, sum.limited, sum.failed, errors.connect + errors.read + errors.write + errors.timeout))
end
