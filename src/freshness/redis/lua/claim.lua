-- Plain claims (no lease, no place, no challenge), many at once.
-- ARGV: id, now, how far ahead it may be, drops, limits (listed, strangers, of one listed, of one stranger), then key and record of each.
-- Gives the time to judge by, and for each claim: 1 new, 2 forgotten, 3 full, or the record that is there.
local size = { ['0'] = tonumber(ARGV[5]), ['1'] = tonumber(ARGV[6]) }
local share = { ['0'] = tonumber(ARGV[7]), ['1'] = tonumber(ARGV[8]) }
local fields, place = { 'id', 'mark', 'swept', 'shared', 'p0', 'p1', 'turn' }, { p0 = 5, p1 = 6 }
local keys, scopes, shares = {}, {}, {}
local last = #fields
for i = 9, #ARGV, 2 do
    local record, at = ARGV[i + 1], #keys + 1
    local scope, quota = 'm' .. scope_of(record), 'q' .. pool_of(record) .. signer_of(record)
    keys[at], scopes[at], shares[at] = ARGV[i], scope, quota
    if not place[scope] then
        last = last + 1
        fields[last], place[scope] = scope, last
    end
    if not place[quota] then
        last = last + 1
        fields[last], place[quota] = quota, last
    end
end
local now, instead, meta = begin(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), fields)
if not now then return instead end

local turn = number(meta[7]) + 1
local replies, entries, times, counts, here = { now }, {}, {}, {}, {}
local function taken(field) return counts[field] or number(meta[place[field]]) end
local found = redis.call('HMGET', ENTRIES, unpack(keys))
for i, key in ipairs(keys) do
    local record = ARGV[8 + 2 * i]
    local there = found[i] or here[key]
    if there then
        replies[i + 1] = there
    else
        local own, shared, issued = meta[place[scopes[i]]], meta[4], issued_of(record)
        local pool, quota = pool_of(record), shares[i]
        local all = 'p' .. pool
        if keep_of(record) <= now or (own and issued <= tonumber(own)) or (shared and issued <= tonumber(shared)) then
            replies[i + 1] = 2
        elseif taken(all) >= size[pool] or taken(quota) >= share[pool] then
            replies[i + 1] = 3
        else
            counts[all], counts[quota] = taken(all) + 1, taken(quota) + 1
            here[key] = record
            entries[#entries + 1] = key
            entries[#entries + 1] = record
            times[#times + 1] = record:sub(20, 35)
            times[#times + 1] = indexed(turn, key)
            replies[i + 1] = 1
        end
    end
end
if #entries > 0 then
    redis.call('HSET', ENTRIES, unpack(entries))
    redis.call('ZADD', TIMES, unpack(times))
    local changed = { 'turn', text(turn) }
    for field, count in pairs(counts) do
        changed[#changed + 1] = field
        changed[#changed + 1] = text(count)
    end
    redis.call('HSET', META, unpack(changed))
end
return replies
