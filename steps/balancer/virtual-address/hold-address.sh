#!/bin/sh
# Gives this machine the address that two balancers share while it is its turn, and gives it up when nginx does not
# answer. Whoever has it keeps it: an address that moves cuts what is on it.
#
# Runs in a container on the host's network, with NET_ADMIN and NET_RAW. Its text is a part of the container: a change
# replaces it.
#
#   $1  the address with its network, as 192.168.1.50/24
#   $2  this machine's own address in that network
#   $3  that of the other machine
#   $4  VRRP's number for the address
#   $5  priority
#   $6  an URL that nginx answers here
shared=$1 own=$2 peer=$3 router=$4 priority=$5 url=$6

interface=$(ip -o -4 addr show to "$own" | {
  read -r _ name _
  echo "$name"
})
if [ -z "$interface" ]; then
  echo "no interface of this machine has $own; declare its own address in balancer.hosts" >&2
  sleep 5
  exit 1
fi

mkdir -p /run/keepalived
state=/run/keepalived/nginx
echo 1 >"$state"

# Refused it fails at once; nginx that is started anew by Docker needs a second or two, and its front waits for it.
answers() { curl -sk -o /dev/null -m 2 "$url"; }

watch_nginx() {
  before=
  while :; do
    if answers || { sleep 0.3 && answers; }; then now=0; else now=1; fi
    if [ "$now" != "$before" ]; then echo "$now" >"$state"; fi
    before=$now
    sleep 0.5
  done
}
watch_nginx &

# A file that is watched, and no script that keepalived runs: for that it would have to change its user.
cat >/run/keepalived/keepalived.conf <<CONF
global_defs {
  vrrp_version 3
  vrrp_garp_master_delay 1
  vrrp_garp_master_repeat 3
  vrrp_garp_lower_prio_repeat 1
}
track_file nginx {
  file $state
  weight 0
}
vrrp_instance mesh {
  state BACKUP
  nopreempt
  interface $interface
  virtual_router_id $router
  priority $priority
  advert_int 0.2
  unicast_src_ip $own
  unicast_peer {
    $peer
  }
  virtual_ipaddress {
    $shared dev $interface
  }
  track_file {
    nginx
  }
}
CONF
exec keepalived --dont-fork --log-console --vrrp --use-file /run/keepalived/keepalived.conf \
  --pid /run/keepalived/pid --vrrp_pid /run/keepalived/vrrp.pid
