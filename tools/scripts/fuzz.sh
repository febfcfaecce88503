#!/usr/bin/env bash
# Fuzzes every target of the workspace for a while: fuzz.sh 30s
set -euo pipefail
cd "$(dirname "$0")/../.."
span=${1:-30s}
for dir in $(go list -m -f '{{.Dir}}'); do
  while IFS=: read -r file target; do
    package=$(dirname "$file")
    echo "fuzzing $target in ${package#"$PWD"/} for $span"
    go -C "$package" test -run '^$' -fuzz "^$target\$" -fuzztime "$span" -fuzzminimizetime 10x .
  done < <(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' "$dir" | sed 's/func //')
done
