-- Finds the store, or makes it. ARGV: the id of a new one ('' to make none), and the format of this version.
local meta = redis.call('HMGET', META, 'id', 'format')
if meta[1] or ARGV[1] == '' then return meta end
redis.call('HSET', META, 'id', ARGV[1], 'format', ARGV[2])
return { ARGV[1], ARGV[2] }
