-- ARGV: whether it may create, whether it may open, the version, and then fields and values of the state of a new channel.
if version then
  if ARGV[2] == '0' then return {'taken'} end
  if version ~= ARGV[3] then return {'version', version} end
else
  if ARGV[1] == '0' then return {'none'} end
  -- The events of a channel that was removed a moment ago, and had this name.
  call('UNLINK', P .. 'waiting', P .. 'room')
  call('HSET', S, 'v', ARGV[3], 'made', whole(now))
  for i = 4, #ARGV, 2 do call('HSET', S, ARGV[i], ARGV[i + 1]) end
end
local fields = {'ok'}
for i = 4, #ARGV, 2 do fields[#fields + 1] = call('HGET', S, ARGV[i]) or '0' end
return fields
