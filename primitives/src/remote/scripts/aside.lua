-- ARGV: 'list'; 'retry' and the message; 'discard' and the message.
sweep()
if ARGV[1] == 'list' then
  local found = {}
  for class = 0, 2 do
    for _, id in ipairs(call('ZRANGE', P .. 'aside:' .. class, 0, -1)) do
      local f = call('HMGET', key(id), 'r', 'c', 's', 't', 'e', 'o', 'b')
      found[#found + 1] = {id, f[1], f[2], f[3], whole(math.max(now - tonumber(f[4]), 0)), f[5], f[6], f[7]}
    end
  end
  return {'ok', found}
end
local m = read(ARGV[2])
if not m or m.state ~= 'a' then return {'no'} end
if ARGV[1] == 'retry' then
  if state('n' .. m.class) >= state('cap' .. m.class) then return {'full', whole(state('n' .. m.class)), whole(state('by')), m.class} end
  local step = tonumber(call('HGET', key(m.id), 'L'))
  call('HSET', key(m.id), 'l', math.min(m.limit + step, 255), 't', whole(now))
  call('ZREM', P .. 'aside:' .. m.class, m.id)
  call('HINCRBY', S, 'n' .. m.class, 1)
  enqueue(m.id, m.route, next_order(), m.len)
else
  call('ZREM', P .. 'aside:' .. m.class, m.id)
  if tonumber(m.blocks) > 0 then call('HINCRBY', S, 'by', -m.blocks) end
  call('UNLINK', key(m.id))
  room()
end
return {'ok'}
