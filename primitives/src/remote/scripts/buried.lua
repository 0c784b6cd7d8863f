-- ARGV: the host and process that have ended, the cause, the status. Its claims lapse now.
local gone = ARGV[1]
for _, id in ipairs(call('ZRANGE', P .. 'claims', 0, -1)) do
  local owner = call('HGET', key(id), 'h') or ''
  if string.sub(owner, 1, #gone) == gone then lapse(id, ARGV[2], ARGV[3]) end
end
-- WK5: it may have had a notice.
wake_all('-inf')
return {'ok'}
