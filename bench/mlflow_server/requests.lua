-- Requests of one operation against a tracking server: OPERATION, EXPERIMENT, RUN, LONG_RUN, SEED in the environment.
-- Every write is a new one: a repeated metric would cost nothing.
local operation = os.getenv("OPERATION")
local experiment, run, long_run = os.getenv("EXPERIMENT"), os.getenv("RUN"), os.getenv("LONG_RUN")
local number = tonumber(os.getenv("SEED"))
local api = "/api/2.0/mlflow/"
local json = {["Content-Type"] = "application/json"}

local function post(path, body) return wrk.format("POST", api .. path, json, body) end

local function metrics(count)
  local items = {}
  for i = 1, count do
    number = number + 1
    items[i] = string.format('{"key":"m%d","value":%d.5,"timestamp":%d,"step":%d}', i % 10, number, number, number)
  end
  return table.concat(items, ",")
end

local search = '{"experiment_ids":["' .. experiment .. '"],"max_results":100%s}'
local operations = {
  log_metric = function()
    number = number + 1
    return post("runs/log-metric", string.format('{"run_id":"%s","key":"loss","value":%d.25,"timestamp":%d,"step":%d}',
                                                 run, number, number, number))
  end,
  log_batch_10 = function() return post("runs/log-batch", '{"run_id":"' .. run .. '","metrics":[' .. metrics(10) .. "]}") end,
  log_batch_1000 = function()
    return post("runs/log-batch", '{"run_id":"' .. run .. '","metrics":[' .. metrics(1000) .. "]}")
  end,
  create_run = function()
    number = number + 1
    return post("runs/create", string.format('{"experiment_id":"%s","start_time":%d,"user_id":"bench","run_name":"r"}',
                                             experiment, number))
  end,
  search_runs = function() return post("runs/search", search:format("")) end,
  search_runs_by_metric = function()
    return post("runs/search", search:format(
      ',"filter":"metrics.auc > 0.9 and params.depth = \'3\'","order_by":["metrics.auc DESC"]'))
  end,
  metric_history = function()
    return wrk.format("GET", api .. "metrics/get-history?run_id=" .. long_run .. "&metric_key=loss&max_results=25000")
  end,
}
request = operations[operation]

failed, first_failure = 0, nil  -- global: done() reads them from each thread
function response(status, _, body)
  if status ~= 200 then
    failed = failed + 1
    first_failure = first_failure or (status .. " " .. body:sub(1, 300))
  end
end

local threads = {}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency)
  local errors, text = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, ""
  for _, thread in ipairs(threads) do
    errors = errors + (thread:get("failed") or 0)
    text = text ~= "" and text or (thread:get("first_failure") or "")
  end
  io.write(string.format('{"requests": %d, "seconds": %.6f, "errors": %d, "p50_us": %.1f, "p99_us": %.1f, "bytes": %d}\n',
                         summary.requests, summary.duration / 1e6, errors, latency:percentile(50),
                         latency:percentile(99), summary.bytes))
  if text ~= "" then io.stderr:write(text, "\n") end
end
