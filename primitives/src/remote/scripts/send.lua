-- ARGV: line, number, whether it is repeated, whether it waits, route, codec, schema, class, limit, flags, length, blocks,
-- delay, caller, message, bytes.
local line, seq, id = ARGV[1], ARGV[2], ARGV[15]
if ARGV[3] == '1' and remembered(line, seq) then return {'ok'} end
if closed then return {'closed'} end
sweep()
local route, class, len, blocks = ARGV[5], ARGV[8], ARGV[11], tonumber(ARGV[12])
local delay, caller = tonumber(ARGV[13]), ARGV[14]
local s = call('HMGET', S, 'n' .. class, 'by', 'cap' .. class, 'maxby', 'o', 'rev')
for i = 1, 5 do s[i] = tonumber(s[i] or 0) end
local count, bytes, order = s[1], s[2], whole(s[5] + 1)
-- RD1: bounded by messages and by bytes.
if count >= s[3] or (blocks > 0 and bytes + blocks > s[4]) then
  if ARGV[4] == '1' then call('HSET', S, 'rw', 1) end
  return {'full', whole(count), whole(bytes), s[6] or '0-0', until_next()}
end
call('HSET', S, 'n' .. class, whole(count + 1), 'by', whole(bytes + blocks), 'o', order)
-- The fields that are not named here are empty, or 0, until something happens to it.
call('HSET', key(id), 'z', delay > 0 and 'd' or 'q', 'o', order, 'r', route, 'c', ARGV[6], 's', ARGV[7], 'k', class,
  'l', ARGV[9], 'L', ARGV[9], 'f', ARGV[10], 'n', len, 'y', ARGV[12], 't', whole(now), 'b', ARGV[16], 'w', caller)
if caller ~= '' then
  list_by_time('callers', now + lease, id)
end
if delay > 0 then
  list_by_time('later', now + delay, id)
  -- Receivers learn how long to wait at most.
  if has_waiters then wake_all(whole(now + delay)) end
else
  enlist(id, route, order, len)
end
remember(line, seq, 'sent')
return {'ok'}
