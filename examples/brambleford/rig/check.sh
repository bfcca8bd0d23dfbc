#!/usr/bin/env bash
# Checks that the files carry the story: every hop of the README is looked up in the file it is said to rest on.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

failures=0
# holds WHAT FILE COMMAND...: the command, given the file, must succeed
holds() {
  local what=$1 file=$2; shift 2
  if "$@" "$file" >/dev/null 2>&1; then return; fi
  say "NOT TRUE: $what ($file)"
  failures=$((failures + 1))
}
lacks() { ! grep -q "$1" "$2"; }

for file in bandit-shop-api.{json,sarif} checkov-{dockerfile,kubernetes,terraform}.json checkov-terraform.sarif \
  cyclonedx-{portal,shop-api}.cdx.json cyclonedx-shop-api.cdx.xml directory.opengraph.json ansible-lint-infrastructure.sarif \
  gitleaks-shop-api-history.{json,sarif} nmap-{depot-north,edge-from-internet,headquarters,headquarters-cache-retest,laboratory}.xml \
  osv-scanner-{portal,shop-api}.json prowler-aws.ocsf.json retire-portal.json ssh-audit-labels.depot.brambleford.example.json \
  {sslscan-shop-443.xml,sslyze-shop-443.json,testssl-shop-443.json} syft-portal.{json,spdx.json} wapiti-shop.json whatweb-edge.json; do
  holds "a report is there" "$REPORTS/$file" test -s
  [[ $file != *.json && $file != *.sarif ]] || holds "it is JSON" "$REPORTS/$file" jq -e type
done

shop=$(jq -r '.AccessKeyMetadata[0].AccessKeyId' "$AWS/iam-list-access-keys-svc-shop.json")
build=$(jq -r '.AccessKeyMetadata[0].AccessKeyId' "$AWS/iam-list-access-keys-ci-deploy.json")
hash=$(printf %s "$shop" | sha1sum | cut -d' ' -f1)
edge=$REPORTS/nmap-edge-from-internet.xml
authorization=$AWS/iam-get-account-authorization-details.json

holds "nmap sees the repository" "$edge" grep -q 'id="http-git".*https://git.brambleford.example/freight/shop-api.git'
holds "wapiti sees it too" "$REPORTS/wapiti-shop.json" jq -e '.vulnerabilities["Potentially dangerous file"][] | select(.path == "/.git/config")'
holds "gitleaks finds svc-shop's key" "$REPORTS/gitleaks-shop-api-history.json" jq -e --arg key "$shop" '.[] | select(.Secret == $key and (.Link | startswith("https://git.brambleford.example/freight/shop-api/")))'
detected=("$REPORTS"/detect-secrets-shop-api-*.json)
holds "detect-secrets finds the same key" "${detected[0]}" jq -e --arg hash "$hash" '.results[".env"][] | select(.hashed_secret == $hash)'
holds "gitleaks finds ci-deploy's key" "$REPORTS/gitleaks-build01.internal.brambleford.example-files.json" jq -e --arg key "$build" '.[] | select(.Secret == $key)'
for name in svc-shop ci-deploy; do
  holds "$name may assume roles" "$authorization" jq -e --arg name "$name" '.UserDetailList[] | select(.UserName == $name).UserPolicyList[].PolicyDocument.Statement[] | select(.Action == "sts:AssumeRole")'
done
holds "shop-instance may assume roles" "$authorization" jq -e '.RoleDetailList[] | select(.RoleName == "shop-instance").RolePolicyList[].PolicyDocument.Statement[] | select(.Action == "sts:AssumeRole")'
holds "shop-deployer trusts the account" "$authorization" jq -e '.RoleDetailList[] | select(.RoleName == "shop-deployer").AssumeRolePolicyDocument.Statement[] | select(.Principal.AWS | endswith(":root"))'
holds "only shop-deployer reads customer data" "$authorization" jq -e '[.. | .PolicyDocument? // .Document? | select(. != null) | tostring | select(contains("customer-exports"))] | length == 1'
holds "portal-web has its address and role" "$AWS/ec2-describe-instances.json" jq -e '.Reservations[].Instances[] | select(.PublicIpAddress == "198.51.100.11" and (.IamInstanceProfile.Arn | endswith("/shop-instance")) and .MetadataOptions.HttpTokens == "optional")'
holds "the portal's version is affected" "$edge" grep -q 'table key="CVE-2025-55182"'
holds "a second tool names the portal's CVE" "$REPORTS/osv-scanner-portal.json" jq -e '.results[].packages[].vulnerabilities[] | select(.aliases[] == "CVE-2025-55182")'
holds "the catalogue lists it" "$EXAMPLE/intel/known_exploited_vulnerabilities.json" jq -e '.vulnerabilities[] | select(.cveID == "CVE-2025-55182")'
for cve in CVE-2025-55182 CVE-2018-7750; do
  holds "lab-archive has $cve" "$REPORTS/nmap-laboratory.xml" grep -q "table key=\"$cve\""
done
holds "the depot's 10.20.30.40 is the label station" "$REPORTS/nmap-depot-north.xml" grep -q labels.depot.brambleford.example
holds "headquarters' 10.20.30.40 is the cache" "$REPORTS/nmap-headquarters.xml" grep -q cache.internal.brambleford.example
holds "Redis answers without a password" "$REPORTS/nmap-headquarters.xml" grep -q 'id="redis-info"'
holds "after the fix it does not" "$REPORTS/nmap-headquarters-cache-retest.xml" lacks 'id="redis-info"'
holds "after the fix the port is still open" "$REPORTS/nmap-headquarters-cache-retest.xml" grep -q 'portid="6379"><state state="open"'
holds "after the fix no repository is served" "$AFTER/nmap-edge-from-internet-retest.xml" lacks 'id="http-git"'
holds "after the fix TLS 1.0 is off" "$AFTER/sslscan-shop-443-retest.xml" grep -q 'version="1.0" enabled="0"'

# What must not be in any file: paths and names of the machine that ran the rig.
if grep -rlE "$EXAMPLE|$TOOLS|$(uname -r)" "$REPORTS" "$AFTER" "$AWS"; then
  say "NOT TRUE: nothing tells of the machine"
  failures=$((failures + 1))
fi
((failures == 0)) && say "every hop holds"
