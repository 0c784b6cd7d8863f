-- What an operator sees. It changes nothing, so it does not sweep, and runs on a replica as well.
-- ARGV: how many claims and calls it describes at most.
local most = tonumber(ARGV[1])
local function about(set, fields)
  local found, listed = {}, call('ZRANGE', P .. set, 0, most - 1, 'WITHSCORES')
  for i = 1, #listed, 2 do
    local f = call('HMGET', key(listed[i]), unpack(fields))
    -- In how many milliseconds its lease ends. Negative if it has ended, and no script has seen that.
    table.insert(f, 1, whole(tonumber(listed[i + 1]) - now))
    for at = 1, #fields + 1 do f[at] = f[at] or '' end
    found[#found + 1] = f
  end
  return found
end
local aside, routes = 0, {}
for class = 0, 2 do aside = aside + call('ZCARD', P .. 'aside:' .. class) end
for _, route in ipairs(call('ZRANGE', P .. 'routes', 0, -1)) do
  local head = call('ZRANGE', P .. 'q:' .. route, 0, 0)[1]
  local age = math.max(now - tonumber(call('HGET', key(head), 't')), 0)
  routes[#routes + 1] = {route, whole(call('ZCARD', P .. 'q:' .. route)), call('HGET', P .. 'qb', route) or '0', whole(age)}
end
return {'ok', call('HGETALL', S), whole(now), whole(aside), whole(call('ZCARD', P .. 'later')), whole(call('ZCARD', P .. 'claims')),
  whole(call('ZCARD', P .. 'callers')), routes, about('claims', {'h', 'r', 'a', 'H', 'w', 'x'}), about('callers', {'w'})}
