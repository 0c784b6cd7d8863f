-- ARGV: line, number, whether it is repeated, message, token, how it ends ('response', 'done', 'untaken', 'back'), and then for a response codec, schema and bytes, for
-- a return cause, status and delay.
local line, seq = ARGV[1], ARGV[2]
if ARGV[3] == '1' and remembered(line, seq) then return {'ok'} end
local m = read(ARGV[4])
-- RD3: the token names this claim, and no other one of the same message.
if not m or m.state ~= 'c' or m.token ~= ARGV[5] then return {'lost'} end
if ARGV[6] == 'response' then
  finish(m, 'response', ARGV[7], ARGV[8], ARGV[9])
elseif ARGV[6] == 'untaken' then
  untake(m)
elseif ARGV[6] == 'done' or m.held then
  finish(m, 'lost', 0, 0, '')
else
  give_back(m, ARGV[7], ARGV[8], tonumber(ARGV[9]))
end
remember(line, seq, 'ended')
return {'ok'}
