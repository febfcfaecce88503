-- Makes writes, if what they rest on is still so: all of them or none.
--
-- KEYS: all that is read or written, in one slot.
-- ARGV: how many checks there are; for each check the number of its key, a
-- field of the hash there, and the value that it must have, empty where there
-- must be none; then for each write the name of a command, the number of its
-- key, how many arguments follow the key, and those.
--
-- Returns 1 if the writes were made, 0 if a check failed.
local at = 2
for _ = 1, tonumber(ARGV[1]) do
  local value = redis.call('HGET', KEYS[tonumber(ARGV[at])], ARGV[at + 1])
  if (value or '') ~= ARGV[at + 2] then
    return 0
  end
  at = at + 3
end
while at <= #ARGV do
  local last = at + 2 + tonumber(ARGV[at + 2])
  redis.call(ARGV[at], KEYS[tonumber(ARGV[at + 1])], unpack(ARGV, at + 3, last))
  at = last + 1
end
return 1
