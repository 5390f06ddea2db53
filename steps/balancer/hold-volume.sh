#!/bin/sh
# Holds the lock of a config volume, and calls there the functions that it is asked for, until stdin ends. A call of
# docker exec for each would cost ten times as much.
#
# Runs behind config-volume.sh, in the nginx image, as nginx's user.
#
#   $1      folder where the volume is; the lock is on the folder itself, which is there before anything is written
#   $2      seconds for which the lock is waited for
#   stdin   of each call: a line with the number of its words; a line of base64 for each word, and one for its input
#   stdout  "locked" once it has the lock; then a line for each call: exit code, stdout and stderr, these in base64,
#           with ":" between them
#   exit    75  somebody else holds the lock
#           77  the folder is not this user's yet: Docker makes it root's
volume=$1 seconds=$2
[ -w "$volume" ] || exit 77
{ exec 9<"$volume" && cd "$volume"; } || exit 1
flock -w "$seconds" 9 || exit 75
umask 077
echo locked
while read -r words; do
  set --
  while [ $# -lt "$words" ]; do
    read -r word || exit 1
    set -- "$@" "$(echo "$word" | base64 -d)"
  done
  read -r input || exit 1
  # What it leaves running must not hold the lock.
  (echo "$input" | base64 -d | "$@") >/tmp/out 2>/tmp/err 9<&-
  echo "$?:$(base64 -w 0 </tmp/out):$(base64 -w 0 </tmp/err)"
done
