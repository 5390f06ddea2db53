#!/bin/sh
# Says what a balancer has at the moment.
#
# Runs in the balancer's container.
#
#   $1      folder of the config volume
#   $2      URL at which nginx names the hash of the config it serves with
#   $3      socket on which each nginx is asked by itself
#   stdout  mesh.json on one line, then the SHA-256 of nginx.conf, then that hash, then "alone" where the front serves
#           by an nginx of its own: see front/keep-ports.pl
cd "$1" || exit 1
cat mesh.json 2>/dev/null
echo
sha256sum < current/nginx.conf | cut -c1-64
curl -s -m 2 "$2"
echo
for process in /proc/[0-9]*; do
  title=$({ tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null)
  case $title in "nginx: master process"*) ;; *) continue ;; esac
  # What has joined the front has its parent outside, which is 0; what was sent off has removed its socket.
  if [ -S "$process/root$3" ] && grep -q '^PPid:[[:space:]]*1$' "$process/status"; then echo alone; fi
done
true
