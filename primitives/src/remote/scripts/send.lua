-- ARGV: line, number, whether it is repeated, whether it waits, route, codec, schema, class, limit, flags, length, blocks,
-- delay, caller, message, bytes.
local line, seq, id = ARGV[1], ARGV[2], ARGV[15]
if ARGV[3] == '1' and remembered(line, seq) then return {'ok'} end
if call('HEXISTS', S, 'closed') == 1 then return {'closed'} end
sweep()
local route, class, len, blocks = ARGV[5], ARGV[8], ARGV[11], tonumber(ARGV[12])
local delay, caller = tonumber(ARGV[13]), ARGV[14]
local count, bytes = state('n' .. class), state('by')
-- RD1: bounded by messages and by bytes.
if count >= state('cap' .. class) or (blocks > 0 and bytes + blocks > state('maxby')) then
  if ARGV[4] == '1' then call('HSET', S, 'rw', 1) end
  return {'full', whole(count), whole(bytes), call('HGET', S, 'rev') or '0-0', until_next()}
end
call('HINCRBY', S, 'n' .. class, 1)
if blocks > 0 then call('HINCRBY', S, 'by', blocks) end
call('HSET', key(id), 'r', route, 'c', ARGV[6], 's', ARGV[7], 'k', class, 'l', ARGV[9], 'L', ARGV[9], 'f', ARGV[10],
  'n', len, 'y', ARGV[12], 'a', 0, 't', whole(now), 'w', caller, 'h', '', 'T', '', 'H', '0', 'e', '', 'b', ARGV[16])
if caller ~= '' then call('ZADD', P .. 'callers', whole(now + lease()), id) end
if delay > 0 then
  call('HSET', key(id), 'z', 'd', 'o', next_order())
  call('ZADD', P .. 'later', whole(now + delay), id)
  -- Receivers that wait learn how long to wait at most.
  wake()
else
  enqueue(id, route, next_order(), len)
end
remember(line, seq, 'sent')
return {'ok'}
