-- RD12. Removes every key of the channel but those that end by themselves. Waiters are woken, and find it gone.
for _, id in ipairs(call('ZRANGE', P .. 'callers', 0, -1)) do
  local caller = call('HGET', key(id), 'w')
  if caller and caller ~= '' then answer(id, caller, 'gone', 0, 0, '') end
end
local function messages(set)
  for _, id in ipairs(call('ZRANGE', set, 0, -1)) do call('UNLINK', key(id)) end
  call('UNLINK', set)
end
for _, route in ipairs(call('ZRANGE', P .. 'routes', 0, -1)) do messages(P .. 'q:' .. route) end
for _, set in ipairs({'later', 'claims', 'aside:0', 'aside:1', 'aside:2'}) do messages(P .. set) end
rouse()
call('PEXPIRE', P .. 'room', 5000)
call('UNLINK', S, P .. 'waiting', P .. 'routes', P .. 'heads', P .. 'qb', P .. 'callers')
return {'ok'}
