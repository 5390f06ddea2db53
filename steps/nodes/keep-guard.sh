#!/bin/sh
# Puts the files of a guard into its volume. Each is nginx's alone before it has its name.
#
# Runs in the nginx image, as root with no capability but CHOWN.
#
#   $1     folder where the volume is
#   $2     user and group of nginx
#   stdin  a line each: name and base64; keys among them
folder=$1 user=$2
umask 077
{ cd "$folder" && chmod 0755 .; } || exit 1
while read -r name data; do
  echo "$data" | base64 -d >"$name.new" || exit 1
  chown "$user" "$name.new" || exit 1
  mv "$name.new" "$name" || exit 1
done
