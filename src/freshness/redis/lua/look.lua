-- Looks at everything that a step is about.
-- ARGV: id, now, how far ahead it may be, drops, tokens to draw (0 or 1), the names of entry, scope, stream, challenge, rate ('' for none),
-- and whether streams that are over are dropped too (0 or 1).
-- Gives the time to judge by, how many entries were dropped, how many of the kind of which most was dropped, the token, and
-- what stands under the names; for the scope the greater of its sweep mark and the shared one.
-- Where there is no time, the second is what to answer instead.
local now, dropped, meta, most = begin(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), { 'id', 'mark', 'swept', 'shared', 'm' .. ARGV[7] })
if not now then return dropped end
if ARGV[11] ~= '0' then drop(now, tonumber(ARGV[4]), nil, true) end
local function there(hash, name) return name ~= '' and redis.call('HGET', hash, name) end
-- An entry that is over is absent, swept or not (spec/guard.md §3).
local entry = there(ENTRIES, ARGV[6])
if entry and keep_of(entry) <= now then
    dropped = dropped + drop(now, 0, ARGV[6])
    entry = false
    local marks = redis.call('HMGET', META, 'shared', 'm' .. ARGV[7])
    meta[4], meta[5] = marks[1], marks[2]
end
local token = 0
if ARGV[5] ~= '0' then token = redis.call('HINCRBY', META, 'token', 1) end
local mark = meta[5] or meta[4]
if mark and meta[4] and tonumber(meta[4]) > tonumber(mark) then mark = meta[4] end
return { now, dropped, most, token, entry, mark,
    there(STREAMS, ARGV[8]), there(CHALLENGES, ARGV[9]), there(RATES, ARGV[10]) }
