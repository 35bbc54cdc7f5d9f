-- Plain claims (no lease, no place, no challenge), many at once.
-- ARGV: id, now, how far ahead it may be, drops, limits (listed, strangers, of one listed, of one stranger), then key and
-- record of each. Gives the time to judge by, and for each claim: 1 new, 2 forgotten, 3 full, or the record that is there.
-- This is the script whose speed counts: what claims of one scope and signer have in common is found out once.
local LISTED, STRANGER = 48, 49
local size = { [LISTED] = tonumber(ARGV[5]), [STRANGER] = tonumber(ARGV[6]) }
local share = { [LISTED] = tonumber(ARGV[7]), [STRANGER] = tonumber(ARGV[8]) }
local fields, last = { 'id', 'mark', 'swept', 'shared', 'p0', 'p1' }, 6
local known, groups, group_of, keys = { [LISTED] = {}, [STRANGER] = {} }, {}, {}, {}
for i = 9, #ARGV, 2 do
    local record, at = ARGV[i + 1], (i - 7) / 2
    local pool, head = record:byte(2), record:sub(36, 99)
    local group = known[pool][head]
    if not group then
        group = { pool = pool, scope = last + 1, quota = last + 2 }
        fields[last + 1] = 'm' .. scope_of(record)
        fields[last + 2] = 'q' .. pool_of(record) .. signer_of(record)
        last = last + 2
        known[pool][head] = group
        groups[#groups + 1] = group
    end
    keys[at], group_of[at] = ARGV[i], group
end
local now, instead, meta = begin(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), fields)
if not now then return instead end

local total = { [LISTED] = number(meta[5]), [STRANGER] = number(meta[6]) }
local taken = {}
for _, group in ipairs(groups) do
    group.mark = math.max(tonumber(meta[group.scope] or '-1'), tonumber(meta[4] or '-1'))
    group.count = fields[group.quota]
    taken[group.count] = number(meta[group.quota])
end
local replies, entries, times, new, here = { now }, {}, {}, 0, {}
local found = redis.call('HMGET', ENTRIES, unpack(keys))
for i, key in ipairs(keys) do
    local there = found[i] or here[key]
    if there then
        replies[i + 1] = there
    else
        local record, group = ARGV[8 + 2 * i], group_of[i]
        local pool, keep = group.pool, record:sub(20, 35)
        if tonumber(keep) <= now or issued_of(record) <= group.mark then
            replies[i + 1] = 2
        elseif total[pool] >= size[pool] or taken[group.count] >= share[pool] then
            replies[i + 1] = 3
        else
            total[pool] = total[pool] + 1
            taken[group.count] = taken[group.count] + 1
            here[key] = record
            entries[new + 1], entries[new + 2] = key, record
            times[new + 1], times[new + 2] = keep, indexed(total[pool], key)
            new = new + 2
            replies[i + 1] = 1
        end
    end
end
if new > 0 then
    redis.call('HSET', ENTRIES, unpack(entries))
    redis.call('ZADD', TIMES, unpack(times))
    local changed = { 'p0', text(total[LISTED]), 'p1', text(total[STRANGER]) }
    for count, number in pairs(taken) do
        -- A sender of whom nothing was accepted leaves no trace.
        if number > 0 then
            changed[#changed + 1] = count
            changed[#changed + 1] = text(number)
        end
    end
    redis.call('HSET', META, unpack(changed))
end
return replies
