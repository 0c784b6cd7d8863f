-- WK4. ARGV: selection, route, future and reader. The receiver waits no more, and does not look again.
local member = ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3]
if call('ZREM', P .. 'waiting', member) == 0 then pass_on(member) end
return {'ok'}
