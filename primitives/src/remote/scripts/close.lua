-- RD11. ARGV: 'close', 'rouse' or 'ask'.
if ARGV[1] == 'ask' then return {'ok', closed and '1' or '0'} end
if ARGV[1] == 'close' then
  closed = true
  call('HSET', S, 'closed', 1)
  local later = call('ZRANGE', P .. 'later', 0, -1)
  for _, id in ipairs(later) do promote(id, whole(now)) end
  for _, id in ipairs(call('ZRANGE', P .. 'callers', 0, -1)) do
    local m = read(id)
    if m and m.state == 'q' then
      dequeue(id, m.route, m.len)
      finish(m, 'closed', 0, 0, '')
    end
  end
end
rouse()
return {'ok'}
