#!/usr/bin/env bash
# Scanners that read files. They run in a namespace that has nothing but its loopback device.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

REPOSITORIES=$STAGE/repositories
CODE=$TOOLS/venv-code/bin
offline() { inside offline env HOME="$STAGE/home" "$@"; }
# Scanners that find something say so with an exit code. A report that is missing is noticed by rig/check.sh.
finds() { "$@" || [[ $? -lt 120 ]]; }
mkdir -p "$STAGE/home"

say "checkov"
cd "$REPOSITORIES/infrastructure"
finds offline "$CODE/checkov" -d terraform --framework terraform --skip-download --quiet --compact \
  -o json -o sarif --output-file-path "$STAGE/checkov-terraform" >/dev/null
mv "$STAGE/checkov-terraform/results_json.json" "$REPORTS/checkov-terraform.json"
mv "$STAGE/checkov-terraform/results_sarif.sarif" "$REPORTS/checkov-terraform.sarif"
finds offline "$CODE/checkov" -d kubernetes --framework kubernetes --skip-download --quiet --compact \
  -o json --output-file-path "$STAGE/checkov-kubernetes" >/dev/null
mv "$STAGE/checkov-kubernetes/results_json.json" "$REPORTS/checkov-kubernetes.json"
cd "$REPOSITORIES"
finds offline "$CODE/checkov" -f shop-api/Dockerfile portal/Dockerfile --framework dockerfile --skip-download --quiet --compact \
  -o json --output-file-path "$STAGE/checkov-docker" >/dev/null
mv "$STAGE/checkov-docker/results_json.json" "$REPORTS/checkov-dockerfile.json"

say "bandit"
cd "$REPOSITORIES/shop-api"
finds offline "$CODE/bandit" -q -r . -f json -o "$REPORTS/bandit-shop-api.json"
finds offline "$CODE/bandit" -q -r . -f sarif -o "$REPORTS/bandit-shop-api.sarif"

say "gitleaks"
finds offline "$TOOLS/bin/gitleaks" git --no-banner -l warn --platform gitlab -f json -r "$REPORTS/gitleaks-shop-api-history.json" .
finds offline "$TOOLS/bin/gitleaks" git --no-banner -l warn --platform gitlab -f sarif -r "$REPORTS/gitleaks-shop-api-history.sarif" .
cd "$STAGE/collected"
finds offline "$TOOLS/bin/gitleaks" dir --no-banner -l warn -f json -r "$REPORTS/gitleaks-build01.internal.brambleford.example-files.json" .

say "detect-secrets"
commit=$(cat "$STAGE/leaking-commit")
rm -rf "$STAGE/at-commit" "$STAGE/portal"
git -c advice.detachedHead=false clone -q "$REPOSITORIES/shop-api" "$STAGE/at-commit/shop-api"
cd "$STAGE/at-commit/shop-api"
git -c advice.detachedHead=false checkout -q "$commit"
rm -f "$REPORTS"/detect-secrets-shop-api-*.json
offline "$CODE/detect-secrets" scan --all-files >"$REPORTS/detect-secrets-shop-api-${commit:0:12}.json"

say "software bills of materials"
cd "$REPOSITORIES/shop-api"
offline "$TOOLS/venv-sbom/bin/cyclonedx-py" requirements requirements.txt --of JSON -o "$REPORTS/cyclonedx-shop-api.cdx.json"
offline "$TOOLS/venv-sbom/bin/cyclonedx-py" requirements requirements.txt --of XML -o "$REPORTS/cyclonedx-shop-api.cdx.xml"
cp -r "$REPOSITORIES/portal" "$STAGE/portal"
cp -r "$TOOLS/portal/node_modules" "$STAGE/portal/"
cd "$STAGE/portal"
offline "$TOOLS/npm/node_modules/.bin/cyclonedx-npm" --ignore-npm-errors --output-format JSON --output-file "$REPORTS/cyclonedx-portal.cdx.json"
offline "$TOOLS/bin/syft" scan dir:. -q --source-name portal -o "spdx-json=$REPORTS/syft-portal.spdx.json" -o "syft-json=$REPORTS/syft-portal.json"
# Syft repeats its whole configuration, addresses of registries included: no part of what it found.
python3 - "$REPORTS/syft-portal.json" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    report = json.load(file)
del report["descriptor"]["configuration"]
with open(sys.argv[1], "w") as file:
    json.dump(report, file, separators=(",", ":"), ensure_ascii=False)
PY

say "known flaws of dependencies"
"$CODE/python" "$RIG/advisories.py" osv "$STAGE/osv/osv-scanner"
cd "$REPOSITORIES"
for repository in shop-api portal; do
  finds offline env OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY="$STAGE/osv" "$TOOLS/bin/osv-scanner" \
    --experimental-offline-vulnerabilities --experimental-no-resolve --format json --output "$REPORTS/osv-scanner-$repository.json" -r "$repository"
done
"$CODE/python" "$RIG/advisories.py" retire "$STAGE/jsrepository.json"
cd "$STAGE/portal"
finds offline "$TOOLS/npm/node_modules/.bin/retire" --jsrepo "$STAGE/jsrepository.json" --path node_modules/jquery \
  --outputformat json --outputpath "$REPORTS/retire-portal.json"

say "ansible-lint"
cd "$REPOSITORIES/infrastructure"
PATH=$TOOLS/venv-ansible/bin:$PATH finds offline "$TOOLS/venv-ansible/bin/ansible-lint" --offline -q -f sarif ansible/edge.yml \
  >"$REPORTS/ansible-lint-infrastructure.sarif"

say "directory"
"$CODE/python" "$EXAMPLE/directory/opengraph.py" >"$REPORTS/directory.opengraph.json"
