# Shared by every script of the rig: where things lie and which tools are used. Source it, do not run it.
# shellcheck shell=bash disable=SC2034

EXAMPLE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
RIG=$EXAMPLE/rig
# Scanners print absolute paths, so the systems are staged under one fixed folder rather than in the checkout.
STAGE=${BRAMBLEFORD_STAGE:-/srv/brambleford}
TOOLS=${BRAMBLEFORD_TOOLS:-$HOME/.cache/brambleford-tools}
REPORTS=$EXAMPLE/reports
AFTER=$EXAMPLE/after-fix
AWS=$EXAMPLE/aws

GITLEAKS_VERSION=v8.30.1
OSV_SCANNER_VERSION=v1.9.2
SYFT_VERSION=v1.57.0
CHECKOV_VERSION=3.3.30
BANDIT_VERSION=1.9.4
DETECT_SECRETS_VERSION=1.5.0
MOTO_VERSION=5.2.5
AWSCLI_VERSION=1.46.3
CYCLONEDX_PY_VERSION=7.5.0
PROWLER_VERSION=5.46.0
WAPITI_VERSION=3.2.3
SSLYZE_VERSION=6.3.1
ANSIBLE_LINT_VERSION=26.10.1
CYCLONEDX_NPM_VERSION=6.0.1
RETIRE_VERSION=5.7.0

# Namespaces: one per machine, one per scanner, one per switch.
PREFIX=bf
AWS_ENDPOINT=http://127.0.0.1:5000
AWS_REGION=eu-west-1

say() { printf '%s\n' "== $*" >&2; }
inside() { local name=$1; shift; ip netns exec "$PREFIX-$name" "$@"; }
