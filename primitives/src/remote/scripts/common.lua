-- What all scripts share. The rules RD1 to RD14 are in `remote/mod.rs`, and WK1 to WK6 in `remote/waiting.rs`.
-- KEYS[1] is the hash of the channel's state. Its other keys have the same hash tag, so they are on the same server.
local S = KEYS[1]
local P = string.sub(S, 1, -2)
local call = redis.call

local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- What most scripts need of the state, in one look. A script that changes one of these changes it here, too.
local version, lease, closed, has_waiters, waits_for_room, due =
  unpack(call('HMGET', S, 'v', 'lease', 'closed', 'mw', 'rw', 'due'))
version, lease, closed, due = version or nil, tonumber(lease or 0), closed and true, tonumber(due or 0)

local function key(id) return P .. 'm:' .. id end
local function whole(number) return string.format('%.0f', number) end
local function state(field) return tonumber(call('HGET', S, field) or 0) end

-- WK1: a receiver looks again by itself after this time, in milliseconds. It is `LONGEST` in `stream.rs`.
local LONGEST = 2000

-- An announcement is `<kind> <route> <future> <reader>`.
local function fits(member, route)
  local kind, number = string.match(member, '^(%S+) (%S+)')
  if kind == 'only' then return number == route end
  if kind == 'except' then return number ~= route end
  return kind == 'any' or tonumber(route) <= tonumber(number)
end
-- WK2: the announcement is withdrawn, and the receiver has a notice.
local function notify(member)
  local future, reader = string.match(member, '^%S+ %S+ (%S+) (%S+)$')
  local notices = P .. 'w:' .. reader
  call('ZREM', P .. 'waiting', member)
  -- A receiver has looked by itself since an older notice.
  call('XADD', notices, 'MINID', '~', whole(now - 2 * LONGEST), '*', 'f', future)
  call('PEXPIRE', notices, 10 * LONGEST)
end
-- Notifies one receiver that the route fits, the one that has looked last. Returns whether there was one.
local function wake(route)
  local from, found = 0, {}
  while has_waiters do
    found = call('ZREVRANGEBYSCORE', P .. 'waiting', '+inf', whole(now), 'LIMIT', from, 16)
    for _, member in ipairs(found) do
      if fits(member, route) then
        notify(member)
        return true
      end
    end
    from = from + #found
    if #found < 16 then break end
  end
  if has_waiters and from == 0 then
    -- The others look by themselves, or are dead.
    has_waiters = false
    call('HDEL', S, 'mw')
    call('UNLINK', P .. 'waiting')
  end
  return false
end
-- WK3, WK4: a receiver was notified, of whatever message, and does not look again for it.
local function pass_on(member)
  for _, route in ipairs(call('ZRANGE', P .. 'routes', 0, -1)) do
    if fits(member, route) then wake(route) end
  end
end
-- WK5: notifies the receivers that do not look by themselves before that time.
local function wake_all(before)
  for _, member in ipairs(call('ZRANGEBYSCORE', P .. 'waiting', before, '+inf')) do notify(member) end
end
local function room()
  if waits_for_room then
    waits_for_room = false
    call('HDEL', S, 'rw')
    call('HSET', S, 'rev', call('XADD', P .. 'room', 'MAXLEN', 1, '*', 'e', 1))
  end
end
local function rouse()
  waits_for_room = true
  wake_all('-inf')
  room()
end

local NEVER = 2 ^ 53

-- RD13: nothing is due before `due`. So what is listed by a time is listed by this.
local function list_by_time(set, at, id)
  call('ZADD', P .. set, whole(at), id)
  if at < due then
    due = at
    call('HSET', S, 'due', whole(due))
  end
end

-- RD2: a queue, the list of routes and the list of heads change together.
local function drop_route(route)
  call('ZREM', P .. 'routes', route)
  call('ZREM', P .. 'heads', route)
  call('HDEL', P .. 'qb', route)
end
local function set_head(route)
  local head = call('ZRANGE', P .. 'q:' .. route, 0, 0, 'WITHSCORES')
  if head[1] then
    call('ZADD', P .. 'routes', route, route)
    call('ZADD', P .. 'heads', head[2], route)
  else
    drop_route(route)
  end
end
local function enlist(id, route, order, len)
  call('ZADD', P .. 'q:' .. route, order, id)
  call('HINCRBY', P .. 'qb', route, len)
  -- Behind others it changes neither list.
  if call('ZRANGE', P .. 'q:' .. route, 0, 0)[1] == id then
    call('ZADD', P .. 'routes', route, route)
    call('ZADD', P .. 'heads', order, route)
  end
  wake(route)
end
local function enqueue(id, route, order, len)
  call('HSET', key(id), 'z', 'q', 'o', order)
  enlist(id, route, order, len)
end
local function dequeue(id, route, len)
  call('ZREM', P .. 'q:' .. route, id)
  call('HINCRBY', P .. 'qb', route, -len)
  set_head(route)
end
-- The same of the first message of a route, if the order of the one behind it is known.
local function dequeue_head(id, route, len, following)
  call('ZREM', P .. 'q:' .. route, id)
  if following then
    call('HINCRBY', P .. 'qb', route, -len)
    call('ZADD', P .. 'heads', following, route)
  else
    drop_route(route)
  end
end
local function next_order() return whole(call('HINCRBY', S, 'o', 1)) end

-- Frees the room of a message, whose hash is gone or is about to go.
local function free(class, blocks)
  call('HINCRBY', S, 'n' .. class, -1)
  if tonumber(blocks) > 0 then call('HINCRBY', S, 'by', -blocks) end
  room()
end

-- RD8: what a caller learns is an entry of its inbox, which it reads without taking it away.
local function answer(id, caller, kind, codec, schema, body)
  call('ZREM', P .. 'callers', id)
  local inbox = P .. 'a:' .. caller
  call('XADD', inbox, '*', 'i', id, 'k', kind, 'c', codec, 's', schema, 'b', body)
  call('PEXPIRE', inbox, 3 * lease)
end

-- The fields of a message that most scripts need.
local function read(id)
  local f = call('HMGET', key(id), 'r', 'n', 'k', 'y', 'l', 'a', 'f', 'w', 'h', 'H', 'o', 'e', 'z', 'T')
  if not f[1] then return nil end
  return {
    id = id, route = f[1], len = tonumber(f[2]), class = f[3], blocks = f[4], limit = tonumber(f[5]),
    attempts = tonumber(f[6] or 0), flags = tonumber(f[7]), caller = f[8] or '', owner = f[9] or '', held = f[10] == '1',
    order = f[11], ends = f[12] or '', state = f[13], token = f[14],
  }
end

-- Ends a message that is claimed or held, in whichever way.
local function unclaim(m)
  call('ZREM', P .. 'claims', m.id)
  if m.held then call('HINCRBY', S, 'nh', -1) end
end

-- RD5: a request that is not to be delivered again, and every message that is done.
local function finish(m, kind, codec, schema, body)
  unclaim(m)
  call('UNLINK', key(m.id))
  if m.caller ~= '' then answer(m.id, m.caller, kind, codec, schema, body) end
  free(m.class, m.blocks)
end

-- RD6: beyond the quota the oldest one is dropped, and counted.
local function put_aside(m, ends)
  local aside = P .. 'aside:' .. m.class
  call('HSET', key(m.id), 'z', 'a', 'w', '')
  call('HINCRBY', S, 'n' .. m.class, -1)
  call('ZADD', aside, m.order, m.id)
  if m.caller ~= '' then answer(m.id, m.caller, 'aside', 0, 0, ends) end
  if call('ZCARD', aside) > state('quota' .. m.class) then
    local oldest = call('ZRANGE', aside, 0, 0)[1]
    call('ZREM', aside, oldest)
    local blocks = tonumber(call('HGET', key(oldest), 'y') or 0)
    if blocks > 0 then call('HINCRBY', S, 'by', -blocks) end
    call('UNLINK', key(oldest))
    call('HINCRBY', S, 'dropped', 1)
  end
  room()
end

-- RD4: gives a claim back, with one attempt more. `delay` of -1 is the front: the order that it had.
local function give_back(m, cause, status, delay)
  unclaim(m)
  local attempts = math.min(m.attempts + 1, 255)
  local ends = {}
  for ending in string.gmatch(m.ends, '[^;]+') do ends[#ends + 1] = ending end
  ends[#ends + 1] = attempts .. ',' .. cause .. ',' .. status .. ',' .. m.owner
  if #ends > 8 then table.remove(ends, 1) end
  local listed = table.concat(ends, ';')
  call('HSET', key(m.id), 'a', attempts, 'e', listed, 'h', '', 'T', '')
  if m.limit > 0 and attempts >= m.limit then
    put_aside(m, listed)
  elseif delay < 0 then
    enqueue(m.id, m.route, m.order, m.len)
  elseif delay > 0 and not closed then
    call('HSET', key(m.id), 'z', 'd')
    list_by_time('later', now + delay, m.id)
    wake_all(whole(now + delay))
  else
    call('HSET', key(m.id), 't', whole(now))
    enqueue(m.id, m.route, next_order(), m.len)
  end
end

-- RD14: no poll has returned it, so it is as it was before it was claimed.
local function untake(m)
  if m.held and m.caller == '' then
    -- Its caller has left meanwhile.
    finish(m, 'lost', 0, 0, '')
  elseif m.caller ~= '' and closed then
    finish(m, 'closed', 0, 0, '')
  else
    unclaim(m)
    call('HSET', key(m.id), 'h', '', 'T', '', 'H', '0')
    enqueue(m.id, m.route, m.order, m.len)
  end
end

-- RD3: the lease of a claim has ended.
local function lapse(id, cause, status)
  local m = read(id)
  if not m then
    call('ZREM', P .. 'claims', id)
  elseif m.held then
    finish(m, 'lost', 0, 0, '')
  else
    give_back(m, cause, status, -1)
  end
end

-- RD9: the caller waits no more. `keeps` leaves the request to be worked on.
local function leave(id, keeps)
  call('ZREM', P .. 'callers', id)
  local m = read(id)
  if not m or m.caller == '' then return end
  call('HSET', key(id), 'w', '')
  m.caller = ''
  if keeps or m.state == 'a' then return end
  if m.state == 'c' then
    if not m.held then
      call('HSET', key(id), 'H', '1')
      call('HINCRBY', S, 'nh', 1)
    end
    return
  end
  if m.state == 'q' then dequeue(id, m.route, m.len) else call('ZREM', P .. 'later', id) end
  call('UNLINK', key(id))
  free(m.class, m.blocks)
end

local function is_outliving(m) return m.flags >= 2 end

-- A message whose delay is over comes behind those that are there.
local function promote(id, due)
  call('ZREM', P .. 'later', id)
  local m = read(id)
  if m then
    call('HSET', key(id), 't', due)
    enqueue(id, m.route, next_order(), m.len)
  end
end

-- What time alone has changed: each script that looks at messages does this first. A few at once, and the others next time.
-- It has nothing to do before `due`, and finds out then what that is from now on.
local function sweep()
  if now < due then return end
  local later = call('ZRANGEBYSCORE', P .. 'later', '-inf', now, 'WITHSCORES', 'LIMIT', 0, 64)
  for i = 1, #later, 2 do promote(later[i], later[i + 1]) end
  for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'claims', '-inf', now, 'LIMIT', 0, 16)) do lapse(id, 7, 0) end
  for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'callers', '-inf', now, 'LIMIT', 0, 16)) do
    local m = read(id)
    leave(id, m and is_outliving(m))
  end
  -- Of dead receivers. A living one announces itself again when it looks.
  call('ZREMRANGEBYSCORE', P .. 'waiting', '-inf', whole(now - LONGEST))
  due = NEVER
  for _, set in ipairs({'later', 'claims', 'callers'}) do
    local first = call('ZRANGE', P .. set, 0, 0, 'WITHSCORES')
    if first[1] then due = math.min(due, tonumber(first[2])) end
  end
  call('HSET', S, 'due', whole(due))
end

-- Returns in how many milliseconds time may change something, or -1.
local function until_next()
  if due == NEVER then return -1 end
  return math.max(due - now, 1)
end

-- RD10: a script that was run, and whose answer was lost with its connection, is run once more, and answers the same.
local function remember(line, seq, what)
  call('SET', P .. 'x:' .. line, seq .. ' ' .. what, 'PX', 600000)
end
local function remembered(line, seq)
  local found = call('GET', P .. 'x:' .. line)
  if not found then return nil end
  local at, what = string.match(found, '^(%S+) (.*)$')
  if at == seq then return what end
  return nil
end

if not version and not CREATES then return {'gone'} end
