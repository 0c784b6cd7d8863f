-- RD11. ARGV: 'close', 'rouse' or 'ask'.
if ARGV[1] == 'ask' then return {'ok', whole(call('HEXISTS', S, 'closed'))} end
if ARGV[1] == 'close' then
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
call('HSET', S, 'mw', 1, 'rw', 1)
wake()
room()
return {'ok'}
