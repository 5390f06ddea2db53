#!/bin/sh
# What is done in a balancer's config volume, a function each. In its folder lie:
#
#   mesh.json       what the config is made of
#   versions/HASH/  nginx.conf, and what it needs beside it
#   current         link to the version that nginx serves with
#   secrets/HASH/   a set of secret files
#   programs/HASH/  the program that nginx runs
#
# Runs behind nginx-workers.sh, called by hold-volume.sh.

# Prints the mesh's state; nothing before the first.
read_state() {
  if [ -f mesh.json ]; then cat mesh.json; fi
}

# Writes the mesh's state only.
#
#   stdin  the state
write_state() {
  cat >mesh.json.new && mv mesh.json.new mesh.json
}

# Writes files; from stdin, since arguments stand in the engine's events.
#
#   $1     folder for them
#   stdin  a line each: name and base64
write_files() {
  mkdir -p "$1" || return 1
  while read -r name data; do
    echo "$data" | base64 -d >"$1/$name" || return 1
  done
}

# Of a folder's entries, only those named stay.
#
#   $1   folder
#   $2…  entries, with the folder before each; an empty one is none
keep_only() {
  folder=$1
  shift
  for entry in "$folder"/*; do
    for kept in "$@"; do
      if [ "$entry" = "$kept" ]; then continue 2; fi
    done
    rm -rf "$entry" || return 1
  done
}

# Writes the mesh's state and a config, and has nginx serve with it. All in one, so that a step killed in its middle
# leaves it done or undone, never half; nginx itself decides, in the image that will run it.
#
#   $1     folder of the config, versions/HASH
#   $2     folder of the secret files that belong beside it; empty for none
#   $3     folder of the program that belongs beside it; empty for none
#   $4     "reload" where nginx runs and is to take it over; empty where it is not
#   $5     hash that nginx answers once it serves with the config
#   $6     URL where it answers that, on its own socket
#   $7     that socket
#   $8     seconds that a reload may take
#   stdin  a line of base64 with the state, then the files of the config as write_files reads them
#   exit   65  nginx refuses the config
#          66  nginx did not take it over; as with 65, all is as before
change() {
  version=$1 secrets=$2 program=$3 reload=$4 hash=$5 url=$6 socket=$7 looks=$(($8 * 5))

  before=$(readlink current)
  text_before=$(cat "$version/nginx.conf" 2>/dev/null)
  { read -r state && echo "$state" | base64 -d >mesh.json.new; } || return 1
  write_files "$version" || return 1
  for beside in "$secrets" "$program"; do
    if [ -n "$beside" ]; then cp "$beside"/* "$version" || return 1; fi
  done

  if ! nginx -e stderr -q -t -c "$PWD/$version/nginx.conf"; then
    [ "$before" = "$version" ] || rm -rf "$version"
    return 65
  fi
  point_to "$version" || return 1
  if [ "$reload" = reload ] && needs_reload && ! take_over; then
    if [ -n "$before" ] && [ "$before" != "$version" ]; then
      point_to "$before"
      reload_all
    fi
    return 66
  fi
  mv mesh.json.new mesh.json && keep_only versions "$version" "$before"
}

# rename() is atomic: nginx sees the old version or the new one.
point_to() {
  ln -sfn "$1" current.new && mv -T current.new current
}

# Whether every nginx that takes connections serves with the new config.
served_by_all() {
  for id in $(serving_nginx "$socket"); do
    [ "$(curl -s -m 2 --unix-socket "/proc/$id/root$socket" "$url")" = "$hash" ] || return 1
  done
}

reload_all() {
  for id in $(serving_nginx "$socket"); do kill -HUP "$id"; done
}

# A version that somebody changed by hand is loaded anew although nginx says that it has it.
needs_reload() {
  if [ -n "$text_before" ] && [ "$text_before" != "$(cat "$version/nginx.conf")" ]; then return 0; fi
  ! served_by_all
}

# Reloads each nginx, and waits until it serves with the new config and no worker with the old one takes connections.
# Fails when nginx does not serve with it; workers that are slow to go are no reason.
take_over() {
  old=$(workers)
  reload_all
  tries=0
  until served_by_all; do
    tries=$((tries + 1))
    if [ "$tries" -gt "$looks" ]; then return 1; fi
    sleep 0.2
  done
  while [ "$tries" -le "$looks" ] && taking "$old"; do
    tries=$((tries + 1))
    sleep 0.2
  done
}
