#!/usr/bin/env bash
# Installs what the rig needs: system packages with apt, the rest into $TOOLS. A tool that is there stays.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

PACKAGES=(nmap sslscan testssl.sh ssh-audit whatweb nginx redis-server slapd ldap-utils openssh-server iproute2 jq openssl bsdextrautils dnsutils gcc libc6-dev)
missing=()
for package in "${PACKAGES[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  apt-get update -q
  # The distribution's own services must not start: the rig runs its own copies, inside namespaces.
  policy=/usr/sbin/policy-rc.d
  [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && trap 'rm -f "$policy"' EXIT; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

# environment NAME PACKAGE...: one virtual environment per group of tools that get along
environment() {
  local folder=$TOOLS/venv-$1; shift
  [[ -e $folder/.complete ]] && return
  python3 -m venv "$folder"
  "$folder/bin/pip" install -q "$@"
  touch "$folder/.complete"
}
mkdir -p "$TOOLS"
environment aws "moto[server,all]==$MOTO_VERSION" "awscli==$AWSCLI_VERSION" boto3
environment code "checkov==$CHECKOV_VERSION" "bandit[sarif]==$BANDIT_VERSION" "detect-secrets==$DETECT_SECRETS_VERSION" pyyaml
environment sbom "cyclonedx-bom==$CYCLONEDX_PY_VERSION"
environment cloud "prowler==$PROWLER_VERSION"
environment web "wapiti3==$WAPITI_VERSION"
environment tls "sslyze==$SSLYZE_VERSION"
environment ansible "ansible-lint==$ANSIBLE_LINT_VERSION" ansible-core
environment shop-api -r "$EXAMPLE/systems/shop-api/requirements.txt"
environment sftp-archive -r "$EXAMPLE/systems/sftp-archive/requirements.txt"

golang() {
  local name=$1 module=$2
  [[ -x $TOOLS/bin/$name ]] || GOPATH=$TOOLS/go GOBIN=$TOOLS/bin go install "$module"
}
golang gitleaks "github.com/zricethezav/gitleaks/v8@$GITLEAKS_VERSION"
golang osv-scanner "github.com/google/osv-scanner/cmd/osv-scanner@$OSV_SCANNER_VERSION"
golang syft "github.com/anchore/syft/cmd/syft@$SYFT_VERSION"

if [[ ! -e $TOOLS/npm/node_modules/.bin/retire ]]; then
  mkdir -p "$TOOLS/npm"
  npm install --prefix "$TOOLS/npm" --no-audit --no-fund "retire@$RETIRE_VERSION" "@cyclonedx/cyclonedx-npm@$CYCLONEDX_NPM_VERSION"
fi

# The portal's own dependencies, in a throw-away copy.
if [[ ! -e $TOOLS/portal/node_modules ]]; then
  mkdir -p "$TOOLS/portal"
  cp "$EXAMPLE"/systems/portal/{package.json,package-lock.json,.npmrc} "$TOOLS/portal"
  (cd "$TOOLS/portal" && npm ci --ignore-scripts --no-audit --no-fund)
fi
