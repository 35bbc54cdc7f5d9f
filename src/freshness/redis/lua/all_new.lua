-- Plain claims (no lease, no place, no challenge) of one pool that are all new, where the clock has not moved, nothing is over and
-- there is room: what a busy guard is mostly asked. What can be worked out elsewhere comes worked out, in the order of the
-- commands here, so that this costs little beside them. It stands alone.
-- KEYS: meta, entries, times. A group are the claims of one scope and signer.
-- ARGV: id, now, the earliest end, the limits of the pool and of a signer in it, how many groups, how many claims; the fields of
-- meta to read: id, mark, swept, shared, count of the pool, and of each group its sweep mark and its count; of each group how many
-- claims it has and when the earliest was issued; all keys; key and record of all; end and name in the index of all.
-- Gives the time to judge by and the count of the pool; nothing if this is not the store of that id; nil where claim.lua has to
-- do it.
local ARGV, tonumber, format = ARGV, tonumber, string.format
local groups, claims = tonumber(ARGV[6]), tonumber(ARGV[7])
local at = 12 + 2 * groups
local meta = redis.call('HMGET', KEYS[1], unpack(ARGV, 8, at))
if meta[1] ~= ARGV[1] then return {} end
local now, count = tonumber(meta[2] or '-1'), tonumber(meta[5] or '0') + claims
if meta[2] ~= meta[3] or tonumber(ARGV[2]) > now or tonumber(ARGV[3]) <= now or count > tonumber(ARGV[4]) then return nil end

-- A signer may have several groups, of several scopes: the last of them has the sum.
local share, shared, sums = tonumber(ARGV[5]), tonumber(meta[4] or '-1'), {}
local changed, last = { ARGV[12], format('%.0f', count) }, 2
for field = 6, 4 + 2 * groups, 2 do
    local quota, issued = ARGV[field + 8], tonumber(ARGV[at + 2])
    local taken = (sums[quota] or tonumber(meta[field + 1] or '0')) + tonumber(ARGV[at + 1])
    sums[quota] = taken
    if taken > share or issued <= shared or issued <= tonumber(meta[field] or '-1') then return nil end
    changed[last + 1], changed[last + 2] = quota, format('%.0f', taken)
    last, at = last + 2, at + 2
end
for _, there in ipairs(redis.call('HMGET', KEYS[2], unpack(ARGV, at + 1, at + claims))) do
    if there then return nil end
end
at = at + claims
redis.call('HSET', KEYS[2], unpack(ARGV, at + 1, at + 2 * claims))
redis.call('ZADD', KEYS[3], unpack(ARGV, at + 2 * claims + 1))
redis.call('HSET', KEYS[1], unpack(changed))
return { now, count }
