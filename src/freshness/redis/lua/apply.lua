-- Does what was decided, if what it was decided upon still stands.
-- ARGV: id, how many conditions, the conditions, the writes; each is a word and three operands.
-- Gives 1 if done; nothing is done for 0 (something has changed: look again) and 2 (full), 3 (full of streams, and of nothing else).
local meta = redis.call('HMGET', META, 'id', 'mark', 'shared')
if meta[1] ~= ARGV[1] then return -1 end
local function taken(field) return number(redis.call('HGET', META, field)) end
local holds = {
    is = function(hash, name, value) return redis.call('HGET', KEYS[tonumber(hash)], name) == value end,
    no = function(hash, name) return redis.call('HEXISTS', KEYS[tonumber(hash)], name) == 0 end,
    -- Its time is not over.
    ends = function(keep) return tonumber(keep) > number(meta[2]) end,
    -- It was not forgotten.
    after = function(scope, issued)
        local own = redis.call('HGET', META, 'm' .. scope)
        issued = tonumber(issued)
        return not (own and issued <= tonumber(own)) and not (meta[3] and issued <= tonumber(meta[3]))
    end,
}
local room = {
    below = function(field, limit) return taken(field) < tonumber(limit) end,
    less = function(hash, limit) return redis.call('HLEN', KEYS[tonumber(hash)]) < tonumber(limit) end,
}
local write = {
    put = function(hash, name, value) redis.call('HSET', KEYS[tonumber(hash)], name, value) end,
    del = function(hash, name) redis.call('HDEL', KEYS[tonumber(hash)], name) end,
    at = function(times, name, time) redis.call('ZADD', KEYS[tonumber(times)], time, name) end,
    -- The same for an entry.
    index = function(name, time)
        redis.call('ZADD', TIMES, time, indexed(taken('p0'), name))
    end,
    off = function(times, name) redis.call('ZREM', KEYS[tonumber(times)], name) end,
    count = function(field) redis.call('HINCRBY', META, field, 1) end,
    leave = function(field)
        if redis.call('HINCRBY', META, field, -1) <= 0 then redis.call('HDEL', META, field) end
    end,
}
local last = 2 + 4 * tonumber(ARGV[2])
local full
for i = 3, last, 4 do
    local word = ARGV[i]
    if holds[word] then
        if not holds[word](ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) then return 0 end
    elseif not room[word](ARGV[i + 1], ARGV[i + 2]) then
        -- The fields that count streams have great letters.
        full = full ~= 2 and word == 'below' and ARGV[i + 1]:find('^[PQ]') and 3 or 2
    end
end
if full then return full end
for i = last + 1, #ARGV, 4 do write[ARGV[i]](ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) end
return 1
