sweep()
local aside, routes = 0, {}
for class = 0, 2 do aside = aside + call('ZCARD', P .. 'aside:' .. class) end
for _, route in ipairs(call('ZRANGE', P .. 'routes', 0, -1)) do
  local head = call('ZRANGE', P .. 'q:' .. route, 0, 0)[1]
  local age = math.max(now - tonumber(call('HGET', key(head), 't')), 0)
  local count, bytes = call('ZCARD', P .. 'q:' .. route), call('HGET', P .. 'qb', route) or '0'
  routes[#routes + 1] = {route, whole(count), bytes, whole(age)}
end
local claimed = call('ZCARD', P .. 'claims') - state('nh')
return {'ok', whole(state('n0')), whole(state('n1')), whole(state('by')), whole(claimed), whole(call('ZCARD', P .. 'later')),
  whole(aside), whole(state('dropped')), closed and '1' or '0', routes}
