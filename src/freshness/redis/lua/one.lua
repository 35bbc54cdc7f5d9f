-- One plain claim (no lease, no place, no challenge), where the clock has not moved and nothing is over: what is most often
-- asked, with as few commands as it takes. It stands alone.
-- KEYS: meta, entries, times. ARGV: id, now, key, record, when it is over, and of its pool and its signer in it, and of its
-- scope: the fields of meta; then the limits of that pool and of one signer in it.
-- Gives what claim.lua gives for this claim alone, or nil where that one has to do it.
local key = ARGV[3]
local meta = redis.call('HMGET', KEYS[1], 'id', 'mark', 'swept', 'shared', ARGV[6], ARGV[7], ARGV[8])
if meta[1] ~= ARGV[1] then return {} end
local now = tonumber(meta[2] or '-1')
if tonumber(ARGV[2]) > now or meta[2] ~= meta[3] then return nil end
local issued = tonumber(ARGV[4]:sub(4, 19))
local pool, taken = tonumber(meta[5] or '0'), tonumber(meta[6] or '0')
local refused
if tonumber(ARGV[5]) <= now or issued <= tonumber(meta[4] or '-1') or issued <= tonumber(meta[7] or '-1') then
    refused = 2
elseif pool >= tonumber(ARGV[9]) or taken >= tonumber(ARGV[10]) then
    refused = 3
elseif redis.call('HSETNX', KEYS[2], key, ARGV[4]) == 1 then
    redis.call('ZADD', KEYS[3], ARGV[5], struct.pack('>I8', pool) .. key)
    redis.call('HSET', KEYS[1], ARGV[6], string.format('%.0f', pool + 1), ARGV[7], string.format('%.0f', taken + 1))
    return { now, 1 }
end
return { now, redis.call('HGET', KEYS[2], key) or refused }
