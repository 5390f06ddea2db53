#!/bin/sh
# Functions beside nginx's processes.
#
# A reload is not over when the first new worker answers: nginx starts them, waits 100 ms, and only then tells the
# old ones to quit (ngx_master_process_cycle). Until each has taken note of it, it takes connections, too, and
# sends them to nodes of the config before.

# Prints the ids of the nginx that take connections, one a line: each has a socket of its own, and removes it when it is
# sent off. A balancer of a version before had one nginx, its container's process 1, and no such socket.
serving_nginx() {
  for process in /proc/[0-9]*; do
    id=${process#/proc/}
    title=$({ tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null)
    case $title in
      "nginx: master process"*) if [ "$id" = 1 ] || [ -S "$process/root$1" ]; then echo "$id"; fi ;;
    esac
  done
}

# Prints the ids of the workers that take new connections, one a line.
workers() {
  for process in /proc/[0-9]*; do
    title=$({ tr -d '\0' <"$process/cmdline"; } 2>/dev/null)
    if [ "$title" = "nginx: worker process" ]; then echo "${process#/proc/}"; fi
  done
}

# Whether one of these workers takes new connections.
#
#   $1  their ids, as workers printed them
taking() {
  now=" $(workers | tr '\n' ' ')"
  for id in $1; do
    case $now in *" $id "*) return 0 ;; esac
  done
  return 1
}
