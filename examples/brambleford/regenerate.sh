#!/usr/bin/env bash
# Makes every report of the example again: installs the tools, builds the networks out of namespaces, starts the
# systems, runs the scanners and cleans up. Needs root (for the namespaces), Debian 12 or a relative, Python 3.11, Node 20
# and Go. Packages come from the usual registries; after that nothing leaves the machine.
set -euo pipefail
cd "$(dirname "$0")"
source rig/settings.sh

((EUID == 0)) || { say "network namespaces need root" && exit 2; }
cleanup() {
  rig/services.sh stop || true
  rig/network.sh down
  rm -rf "$STAGE"
}

say "tools" && rig/tools.sh
[[ ! -e $STAGE ]] || { say "$STAGE exists: remove it, or name another folder with BRAMBLEFORD_STAGE" && exit 2; }
trap cleanup EXIT
rm -rf "$REPORTS" "$AFTER" && mkdir -p "$REPORTS" "$AFTER" "$STAGE/keys"

say "networks" && rig/network.sh up
say "cloud account" && rig/services.sh cloud
inside aws "$TOOLS/venv-aws/bin/python" rig/aws_setup.py "$STAGE/keys"
inside aws rig/aws_inventory.sh
inside aws rig/scan_cloud.sh
say "repositories" && rig/build_repositories.sh
rig/scan_files.sh
say "services" && rig/services.sh edge && rig/services.sh inside
rig/scan_network.sh edge
rig/scan_network.sh inside
rig/services.sh harden-cache
rig/scan_network.sh retest
rig/services.sh stop-edge && rig/services.sh edge shop-fixed
rig/scan_network.sh after-fix
say "looking every hop up" && rig/check.sh
