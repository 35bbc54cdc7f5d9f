-- Finds the store, or makes it. ARGV: the id of a new one ('' to make none), and the format of this version.
local meta = redis.call('HMGET', META, 'id', 'format')
if meta[1] or ARGV[1] == '' then return meta end
-- A long value, for a hash with none is kept as a list, in which every field is searched for.
redis.call('HSET', META, 'id', ARGV[1], 'format', ARGV[2], 'long', string.rep('-', 128))
return { ARGV[1], ARGV[2] }
