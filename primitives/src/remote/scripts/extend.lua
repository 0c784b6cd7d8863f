-- ARGV: the caller's session, the number of claims, for each its message and token, and then the calls that wait.
-- Returns the claims that are lost, '', and the calls that are not known.
local session, count = ARGV[1], tonumber(ARGV[2])
local deadline, lost, at = now + lease, {}, 3
for _ = 1, count do
  local id, token = ARGV[at], ARGV[at + 1]
  at = at + 2
  if call('HGET', key(id), 'T') == token then
    if call('ZSCORE', P .. 'claims', id) then list_by_time('claims', deadline, id) end
  else
    lost[#lost + 1] = id
  end
end
lost[#lost + 1] = ''
for i = at, #ARGV do
  if call('HGET', key(ARGV[i]), 'w') == session then
    list_by_time('callers', deadline, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
call('PEXPIRE', P .. 'a:' .. session, 3 * lease)
return {'ok', lost}
