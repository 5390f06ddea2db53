#!/bin/sh
# Says of a machine what only it can tell. What it does not know, it leaves out.
#
# Runs on the host of an engine, by ssh or here, as whoever logs in.
#
#   $1      folder where Docker keeps volumes
#   stdout  a line each: "free KIBIBYTES" on that folder's disk, "file PATH" of what shows GPUs, "port ADDRESS:PORT" on
#           which something listens, "route LINE" of ip route, "engine without-iptables" where it is told to make no rules;
#           "end" at the end: without it, somebody else has talked
root=$1

echo "free $(df -Pk "$root" 2>/dev/null | awk 'END { print $4 }')"
for file in /dev/kfd /dev/dri /dev/nvidiactl /etc/cdi/*nvidia* /var/run/cdi/*nvidia*; do
  if [ -e "$file" ]; then echo "file $file"; fi
done
ss -ltnH 2>/dev/null | awk '{ print "port", $4 }'
ip -4 route 2>/dev/null | awk '{ print "route", $0 }'

# The engine itself does not say: what it was started with does, and its file.
pid=$(cat "${DOCKER_PID_FILE:-/var/run/docker.pid}" 2>/dev/null)
words=$(tr '\0' '\n' 2>/dev/null <"/proc/${pid:-none}/cmdline")
config=$(printf '%s\n' "$words" | sed -n -e 's/^--config-file=//p' -e '/^--config-file$/{n;p;}')
if printf '%s\n' "$words" | grep -qx -e '--iptables=false' ||
  tr -d '[:space:]' 2>/dev/null <"${config:-/etc/docker/daemon.json}" | grep -q '"iptables":false'; then
  echo "engine without-iptables"
fi
echo end
