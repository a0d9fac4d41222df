-- wrk asks at random what stands in a file, one request a line: "GET address" or "POST address body".
-- Arguments: the file, and how many milliseconds each connection waits before it asks again.

local questions = {}

function init(arguments)
  math.randomseed(os.time())
  for line in io.lines(arguments[1]) do
    local method, address, body = line:match("^(%u+) (%S+) ?(.*)$")
    if method == "GET" then
      questions[#questions + 1] = wrk.format(method, address)
    else
      local headers = { ["Content-Type"] = "application/json" }
      questions[#questions + 1] = wrk.format(method, address, headers, body)
    end
  end
  local pause = tonumber(arguments[2])
  if pause > 0 then
    delay = function()
      -- Whole milliseconds alone can be waited: so many on average.
      return math.floor(pause * 2 * math.random() + 0.5)
    end
  end
end

function request()
  return questions[math.random(#questions)]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"mean_ms":%.4f,"p50_ms":%.4f,"p99_ms":%.4f,"max_ms":%.4f,',
    summary.requests, summary.duration / 1e6, latency.mean / 1e3, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3))
  io.write(string.format(
    '"refused":%d,"broken":%d,"wrong":%d,"late":%d}\n',
    errors.connect, errors.read + errors.write, errors.status, errors.timeout))
end
