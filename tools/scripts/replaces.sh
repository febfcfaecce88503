#!/bin/sh
# Writes, in every module of the workspace, a relative `replace` for each of
# its siblings, so that `go mod tidy` and builds without go.work need nothing
# published. Prints nothing when all is as it should be.
set -eu
cd "$(dirname "$0")/../.."
prefix=github.com/seed-198b1370/muster
modules="cmd/muster pkg proto services/allocator services/fleetsim services/gateway services/groupsvc services/healthcheck test"
for module in $modules test/ecs; do # nothing needs the latter
  up=$(printf '%s' "$module" | sed 's,[^/][^/]*,..,g')
  for sibling in $modules; do
    [ "$sibling" = "$module" ] || (cd "$module" && go mod edit -replace "$prefix/$sibling=$up/$sibling")
  done
done
