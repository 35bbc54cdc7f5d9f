-- What the scripts of the guard share: it stands before each of them. Times and counts are numbers below 2^53, which Lua
-- holds exactly; what is greater (sequence numbers, tokens of leases) never comes in here but as bytes.
local META, ENTRIES, TIMES, STREAMS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local CHALLENGES, CHALLENGE_TIMES, RATES, RATE_TIMES = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local STREAM_TIMES = KEYS[9]
-- Most scopes with a sweep mark of their own; further ones share one.
local MAX_SCOPES = 65536

local function number(text) return tonumber(text or '0') end
-- Lua itself would write great numbers with an exponent, and round them.
local function text(number) return string.format('%.0f', number) end

-- A record begins: format, stranger?, bounded by age?, issued (16 digits), keep until (16 digits), scope, signer.
-- That of a stream too: its issued is the latest that was settled, and it is bounded by age.
local function pool_of(record) return record:sub(2, 2) end
local function bounded_by_age(record) return record:sub(3, 3) == '1' end
local function issued_of(record) return tonumber(record:sub(4, 19)) end
local function keep_of(record) return tonumber(record:sub(20, 35)) end
local function scope_of(record) return record:sub(36, 67) end
local function signer_of(record) return record:sub(68, 99) end

-- The name of an entry in the index of times. It begins with how many were in its pool, a number that mostly grows, so that of
-- entries with one end the later come last: in a sorted set of millions the end is cheap to reach, and a place inside is not.
local function indexed(places, key) return struct.pack('>I8', places) .. key end

-- Drops what is over: gives how many entries, and how many of the kind of which most was dropped; or, with `only`, the entry of that key alone, if it is
-- over; or, with `streams`, streams alone. Everything for it is inside, so that a script that drops nothing does not pay for it.
local function drop(now, at_most, only, streams)
    local function leave(field, count)
        if redis.call('HINCRBY', META, field, -count) <= 0 then redis.call('HDEL', META, field) end
    end

    local function raise_mark(scope, issued)
        local field = 'm' .. scope
        local known = redis.call('HMGET', META, field, 'scopes')
        if not known[1] and number(known[2]) >= MAX_SCOPES then
            field = 'shared'
            known[1] = redis.call('HGET', META, field)
        elseif not known[1] then
            redis.call('HINCRBY', META, 'scopes', 1)
        end
        if not known[1] or issued > tonumber(known[1]) then redis.call('HSET', META, field, text(issued)) end
    end

    -- Of these keys, drops the entries whose time has come, and notes the sweep marks of those that were bounded by age.
    local function drop_keys(keys, hash, pools, quotas)
        local over = {}
        local records = redis.call('HMGET', hash, unpack(keys))
        local marks, places, seen = {}, {}, {}
        for i, record in ipairs(records) do
            if record and not seen[keys[i]] and keep_of(record) <= now then
                seen[keys[i]] = true
                over[#over + 1] = keys[i]
                local pool, scope = pools .. pool_of(record), scope_of(record)
                local quota = quotas .. pool_of(record) .. signer_of(record)
                places[pool] = (places[pool] or 0) + 1
                places[quota] = (places[quota] or 0) + 1
                if bounded_by_age(record) then
                    marks[scope] = math.max(marks[scope] or 0, issued_of(record))
                end
            end
        end
        if #over > 0 then redis.call('HDEL', hash, unpack(over)) end
        for field, count in pairs(places) do leave(field, count) end
        for scope, issued in pairs(marks) do raise_mark(scope, issued) end
        return #over
    end

    -- An entry that lives longer than it was to stands in the index once more, and then its first place means nothing.
    local function drop_some(now, at_most)
        local names = redis.call('ZRANGEBYSCORE', TIMES, '-inf', text(now), 'LIMIT', 0, at_most)
        if #names == 0 then return 0, 0 end
        local keys = {}
        for i, name in ipairs(names) do keys[i] = name:sub(9) end
        -- What only frees memory comes first: after it, the rest of the script is not refused for want of memory.
        redis.call('ZREM', TIMES, unpack(names))
        return drop_keys(keys, ENTRIES, 'p', 'q'), #names
    end

    local function drop_entries(now, at_most)
        local dropped = 0
        repeat
            local wanted = at_most - dropped
            local over, names = drop_some(now, wanted)
            dropped = dropped + over
        until names < wanted or dropped == at_most
        return dropped
    end

    -- The same for what has nothing to be noted: challenges, and rates whose burst is whole again.
    local function drop_plain(times, hash, now, at_most)
        local names = redis.call('ZRANGEBYSCORE', times, '-inf', text(now), 'LIMIT', 0, at_most)
        if #names > 0 then
            redis.call('ZREM', times, unpack(names))
            redis.call('HDEL', hash, unpack(names))
        end
        return #names
    end

    if only then return drop_keys({ only }, ENTRIES, 'p', 'q') end
    if streams then
        local names = redis.call('ZRANGEBYSCORE', STREAM_TIMES, '-inf', text(now), 'LIMIT', 0, at_most)
        if #names == 0 then return 0 end
        redis.call('ZREM', STREAM_TIMES, unpack(names))
        return drop_keys(names, STREAMS, 'P', 'Q')
    end
    local entries = drop_entries(now, at_most)
    local challenges = drop_plain(CHALLENGE_TIMES, CHALLENGES, now, at_most)
    local rates = drop_plain(RATE_TIMES, RATES, now, at_most)
    return entries, math.max(entries, challenges, rates)
end

-- Raises the high-water mark, and drops what is over; a clock that is more than `ahead` seconds ahead of the server's is not
-- believed, for it would make everything look expired to everybody. Gives the time to judge by, how many entries were dropped, the
-- fields asked for beside 'id', 'mark' and 'swept', which stand first in `fields`, and how many were dropped of the kind of which most was; or nil and what to answer instead: nothing if this is not the store of that id.
local function begin(id, shown, ahead, drops, fields)
    local meta = redis.call('HMGET', META, unpack(fields))
    if meta[1] ~= id then return nil, {} end
    local mark, now = number(meta[2]), tonumber(shown)
    if now < mark then
        now = mark
    elseif now > mark and now > tonumber(redis.call('TIME')[1]) + tonumber(ahead) then
        return nil, redis.error_reply('CLOCK ahead')
    end
    local dropped, most = 0, 0
    -- Up to 'swept' nothing is left to be dropped, for all that comes in ends after the mark.
    if drops > 0 and tonumber(meta[3] or '-1') < now then
        dropped, most = drop(now, drops)
        if most < drops then redis.call('HSET', META, 'swept', text(now)) end
        if dropped > 0 then meta = redis.call('HMGET', META, unpack(fields)) end
    end
    if now > mark then redis.call('HSET', META, 'mark', text(now)) end
    return now, dropped, meta, most
end
