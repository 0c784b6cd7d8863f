-- ARGV: the caller's session, the request, whether it is to be worked on all the same.
if call('HGET', key(ARGV[2]), 'w') == ARGV[1] then leave(ARGV[2], ARGV[3] == '1') end
return {'ok'}
