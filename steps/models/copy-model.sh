#!/bin/bash
# Gets the parts of a model from another host, each verified before it is moved to where Ollama takes it at its word,
# then writes the manifest. What was cut goes on where it ended, in a later run too, for as long as more comes. A
# source that loses its power says nothing, hence the time limits.
#
# Runs where Ollama keeps models: `blobs` and `manifests` are its own, `lan` has what is not whole or not verified.
#
#   $1    address of the source; empty: gets nothing, and verifies what lies in `lan`
#   $2    its port
#   $3    path of the manifest below `manifests`
#   $4…   parts, each as "sha256-…/bytes"
#   stdin   a line with the source's token, then the manifest
#   stdout  every 10 s of a part "at BYTES of BYTES"
#   stderr  last, why it failed
#   exit    65  a part is not what its digest says, all of it got by this run; it is removed
#           66  a part did not arrive as a whole; what came is kept
#           67  as 65, but an earlier run had begun it
host=$1 port=$2 manifest=manifests/$3
shift 3
read -r token
mkdir -p blobs lan "$(dirname "$manifest")"

size() { stat -c %s "$1" 2>/dev/null; }

# Says how far the part is, and ends the copy when nothing came for half a minute.
watch() {
  exec 3>&-
  still=0
  # A sleep outlives this, and must hold nothing open meanwhile.
  while sleep 10 >/dev/null 2>&1; do
    was=$at at=$(size "lan/$file")
    echo "at $at of $bytes"
    if [ "$at" = "$was" ]; then still=$((still + 1)); else still=0; fi
    [ "$still" -lt 3 ] || kill "$copy"
  done
}

# One connection for the rest of the part. part-sizes.sh ends it by what stands in /tmp/copying.
fetch() {
  # shellcheck disable=SC2016  # that shell's own arguments
  timeout 10 bash -c ': <>"/dev/tcp/$0/$1"' "$host" "$port" 2>/dev/null || return
  { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null || return
  printf '%s %s %s\n' "$token" "$file" "$at" >&3
  cat <&3 >>"lan/$file" & copy=$!
  watch & monitor=$!
  echo "$$ $copy $monitor" >/tmp/copying
  wait "$copy" 2>/dev/null
  rm /tmp/copying
  kill "$monitor"
  exec 3>&-
}

for part; do
  file=$(dirname "$part") bytes=$(basename "$part")
  [ "$(size "blobs/$file")" = "$bytes" ] && continue
  touch "lan/$file"
  begun=$(size "lan/$file") left=2
  while at=$(size "lan/$file"); [ -n "$host" ] && [ "$at" != "$bytes" ] && [ "$left" -gt 0 ]; do
    fetch
    if [ "$(size "lan/$file")" -gt "$at" ]; then left=2; else left=$((left - 1)); sleep 1; fi
  done
  [ "$at" = "$bytes" ] || { echo "$file did not arrive as a whole" >&2; exit 66; }
  echo "$(echo "$file" | cut -d- -f2)  lan/$file" | sha256sum -c --status || {
    rm -f "lan/$file"
    echo "$file is not what its digest says" >&2
    [ "$begun" = 0 ] && exit 65
    exit 67
  }
  mv "lan/$file" "blobs/$file"
done
cat >"$manifest.new" && mv "$manifest.new" "$manifest"
rmdir lan 2>/dev/null || true
