#!/usr/bin/env bash
# Makes (up) or removes (down) the networks of the example out of network namespaces. No namespace is connected to the
# machine's own network, so nothing can leave.
#
#   internet 203.0.113.0/24 --- router --- edge 198.51.100.0/24   shop .10, portal .11
#   headquarters 10.20.30.0/24: dc01 .5, build01 .20, cache .40
#   depot        10.20.30.0/24 again (another site behind its own router): labels .40
#   laboratory   10.99.0.0/24: lab-archive .10, connected to nothing else
#   aws          loopback only: the cloud API
#   offline      loopback only: where file scanners run
set -euo pipefail
source "$(dirname "$0")/settings.sh"

NAMESPACES=(internet router edge shop portal headquarters dc01 build01 cache auditor depot labels surveyor laboratory archive lab-auditor aws offline)

# attach MACHINE SWITCH ADDRESS/LENGTH MAC
attach() {
  local machine=$1 switch=$2 address=$3 mac=$4
  local port="p${mac//:/}"
  ip -n "$PREFIX-$machine" link add "to-${switch:0:10}" address "$mac" type veth peer name "${port:0:15}" netns "$PREFIX-$switch"
  ip -n "$PREFIX-$machine" addr add "$address" dev "to-${switch:0:10}"
  ip -n "$PREFIX-$machine" link set "to-${switch:0:10}" up
  ip -n "$PREFIX-$switch" link set "${port:0:15}" master switch up
}

hosts() {
  local name=$1
  mkdir -p "/etc/netns/$PREFIX-$name"
  { echo "127.0.0.1 localhost"; cat; } >"/etc/netns/$PREFIX-$name/hosts"
  # No name server: names come from the hosts file alone.
  : >"/etc/netns/$PREFIX-$name/resolv.conf"
}

down() {
  for name in "${NAMESPACES[@]}"; do
    ip netns del "$PREFIX-$name" 2>/dev/null || true
    rm -rf "/etc/netns/$PREFIX-$name"
  done
}

up() {
  down
  for name in "${NAMESPACES[@]}"; do
    hosts "$name" </dev/null
    ip netns add "$PREFIX-$name"
    ip -n "$PREFIX-$name" link set lo up
  done
  for switch in edge headquarters depot laboratory; do
    ip -n "$PREFIX-$switch" link add switch type bridge
    ip -n "$PREFIX-$switch" link set switch up
  done

  ip -n "$PREFIX-internet" link add uplink address 02:cb:71:00:00:4d type veth peer name outside netns "$PREFIX-router"
  ip -n "$PREFIX-internet" addr add 203.0.113.77/24 dev uplink
  ip -n "$PREFIX-internet" link set uplink up
  ip -n "$PREFIX-internet" route add default via 203.0.113.1
  ip -n "$PREFIX-router" addr add 203.0.113.1/24 dev outside
  ip -n "$PREFIX-router" link set outside up
  inside router sysctl -q -w net.ipv4.ip_forward=1
  attach router edge 198.51.100.1/24 02:c6:33:64:00:01
  attach shop edge 198.51.100.10/24 02:c6:33:64:00:0a
  attach portal edge 198.51.100.11/24 02:c6:33:64:00:0b
  ip -n "$PREFIX-shop" route add default via 198.51.100.1
  ip -n "$PREFIX-portal" route add default via 198.51.100.1
  hosts internet <<<$'198.51.100.10 shop.brambleford.example\n198.51.100.11 portal.brambleford.example'

  attach dc01 headquarters 10.20.30.5/24 02:14:1e:00:00:05
  attach build01 headquarters 10.20.30.20/24 02:14:1e:00:00:14
  attach cache headquarters 10.20.30.40/24 02:14:1e:00:00:28
  attach auditor headquarters 10.20.30.250/24 02:14:1e:00:00:fa
  hosts auditor <<<$'10.20.30.5 dc01.internal.brambleford.example\n10.20.30.20 build01.internal.brambleford.example\n10.20.30.40 cache.internal.brambleford.example'

  attach labels depot 10.20.30.40/24 02:de:90:00:00:28
  attach surveyor depot 10.20.30.250/24 02:de:90:00:00:fa
  hosts surveyor <<<'10.20.30.40 labels.depot.brambleford.example'

  attach archive laboratory 10.99.0.10/24 02:1a:b0:00:00:0a
  attach lab-auditor laboratory 10.99.0.250/24 02:1a:b0:00:00:fa
  hosts lab-auditor <<<'10.99.0.10 lab-archive.internal.brambleford.example'
}

"$1"
