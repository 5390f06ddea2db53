#!/bin/sh
# Puts files into a volume, readable for one user only. Each is that user's alone before it has its name.
#
# Runs in the nginx image, as root with no capability but CHOWN.
#
#   $1     folder where the volume is
#   $2     user and group
#   stdin  a line each: path and base64; secrets among them
folder=$1 user=$2
umask 077
{ cd "$folder" && chmod 0755 .; } || exit 1
while read -r path data; do
  case $path in
    */*) mkdir -p "${path%/*}" || exit 1 ;;
  esac
  echo "$data" | base64 -d >"$path.new" || exit 1
  chown "$user" "$path.new" || exit 1
  mv "$path.new" "$path" || exit 1
done
# Only names stand in them, and the user is another one.
find . -mindepth 1 -type d -exec chmod 0755 {} +
