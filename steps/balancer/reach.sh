#!/bin/sh
# Finds out which hosts can be reached, all at once.
#
# Runs in the nginx image, in the balancer's network.
#
#   $1      seconds for which an answer is waited for
#   $2…     host and port of each, such as "10.0.0.7:11434" or "[fd00::7]:11434"
#   stdout  a line each, in any order: its number, from 0 on, curl's exit code, and the reason in curl's words
seconds=$1
shift

# $1 number, $2 host and port. Only -v tells "no route" from "refused", which is fine.
reach() {
  said=$(curl -sv -o /dev/null --noproxy '*' -m "$seconds" "http://$2/" 2>&1)
  code=$?
  why=$(echo "$said" | grep -oiE 'no route to host|network is unreachable|timed out' | tail -n 1)
  echo "$1 $code $why"
}

number=0
for host in "$@"; do
  reach "$number" "$host" &
  number=$((number + 1))
done
wait
