#!/bin/sh
# Runs curl with files that stand in no argument: in a folder of their own, in memory, for as long as it runs.
#
# Runs in the balancer's container.
#
#   $1…    what curl is told; it finds the files by their names
#   stdin  a line each: name and base64
umask 077
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
while read -r name data; do
  echo "$data" | base64 -d >"$name"
done
curl "$@"
