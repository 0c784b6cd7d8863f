-- ARGV: line, number, whether it is repeated, how long it waits (0 if it does not), selection, route, how, owner, token, future and
-- reader, whether it has announced itself.
-- How: '0' receives, '1' claims, and '2' claims what is to be received (RD14).
local line, seq, owner, token = ARGV[1], ARGV[2], ARGV[8], ARGV[9]
local bound, member = tonumber(ARGV[4]), ARGV[5] .. ' ' .. ARGV[6] .. ' ' .. ARGV[10]
-- Perhaps by this very script, whose answer was lost.
local is_announced = ARGV[11] == '1' or ARGV[3] == '1'

-- The message as its receiver gets it, and what else of it is needed here.
local function look(at)
  local f = call('HMGET', at, 'r', 'c', 's', 'l', 'a', 't', 'w', 'e', 'b', 'n', 'k', 'y', 'f')
  f[5], f[7], f[8] = f[5] or '0', f[7] or '', f[8] or ''
  return f
end
local function described(id, f, held)
  local is_call = f[7] ~= ''
  return {'message', id, f[1], f[2], f[3], f[4], f[5], whole(math.max(now - tonumber(f[6]), 0)), is_call and 1 or 0, held, f[8], f[9]}
end

if ARGV[3] == '1' then
  local what = remembered(line, seq)
  if what then
    local id, how = string.match(what, '^(%S+) (%S+)$')
    if how == 'taken' and call('EXISTS', P .. 'g:' .. line) == 1 then return described(id, look(P .. 'g:' .. line), 'no') end
    if how ~= 'taken' and call('HGET', key(id), 'T') == token then return described(id, look(key(id)), how) end
  end
end
sweep()

local kind, number, route = ARGV[5], ARGV[6], nil
if kind == 'only' then
  route = number
elseif kind == 'any' then
  route = call('ZRANGE', P .. 'heads', 0, 0)[1]
elseif kind == 'upto' then
  route = call('ZRANGEBYSCORE', P .. 'routes', '-inf', number, 'LIMIT', 0, 1)[1]
else
  for _, other in ipairs(call('ZRANGE', P .. 'heads', 0, 1)) do
    if other ~= number then
      route = other
      break
    end
  end
end
-- The first one, and the one that is the first afterwards.
local id, _, _, following = unpack(route and call('ZRANGE', P .. 'q:' .. route, 0, 1, 'WITHSCORES') or {})
if not id then
  if closed then return {'closed'} end
  local next_time = until_next()
  if bound > 0 then
    -- WK1.
    if next_time > 0 then bound = math.min(bound, next_time) end
    -- Of dead receivers.
    if not is_announced then call('ZREMRANGEBYSCORE', P .. 'waiting', '-inf', whole(now - LONGEST)) end
    call('ZADD', P .. 'waiting', whole(now + bound), member)
    if not has_waiters then call('HSET', S, 'mw', 1) end
  elseif is_announced then
    call('ZREM', P .. 'waiting', member)
  end
  return {'none', next_time}
end
local m = look(key(id))
local caller, len, class, blocks, flags = m[7], m[10], m[11], m[12], tonumber(m[13])
dequeue_head(id, route, len, following)
-- WK3: it takes one message, and its notice may have been for another one.
if is_announced and call('ZREM', P .. 'waiting', member) == 0 then pass_on(member) end
local claims = ARGV[7] ~= '0'
if not claims and caller == '' then
  -- At most once: it is gone, but for this line, should it ask again.
  local got = P .. 'g:' .. line
  call('RENAME', key(id), got)
  call('PEXPIRE', got, 600000)
  free(class, blocks)
  remember(line, seq, id .. ' taken')
  return described(id, m, 'no')
end
-- RD5: a request whose caller wants no second delivery is held, and so is one that is received.
local held = caller ~= '' and not (ARGV[7] == '1' and flags % 2 == 1)
call('HSET', key(id), 'z', 'c', 'h', owner, 'T', token, 'H', held and '1' or '0', 'x', whole(now))
if held then call('HINCRBY', S, 'nh', 1) end
list_by_time('claims', now + lease, id)
local how = held and 'held' or 'claimed'
remember(line, seq, id .. ' ' .. how)
return described(id, m, how)
