#!/usr/bin/env bash
# Builds the git repositories of the example under $STAGE/repositories from systems/ and the keys that the cloud API
# issued. Fixed authors and dates: with the same keys, the same commits.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

REPOSITORIES=$STAGE/repositories
rm -rf "$REPOSITORIES" && mkdir -p "$REPOSITORIES"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

start() {
  git init -q -b main "$REPOSITORIES/$1"
  cd "$REPOSITORIES/$1"
  git remote add origin "https://git.brambleford.example/freight/$1.git"
}

# commit DATE AUTHOR MESSAGE: everything in the work tree
commit() {
  local date=$1 author=$2 message=$3
  git add -A
  GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date \
    git -c user.name="$author" -c user.email="${author,,}@brambleford.example" commit -q -m "$message"
}

key() { jq -er ".$2" "$STAGE/keys/$1.json"; }
SHOP_ID=$(key svc-shop id) SHOP_SECRET=$(key svc-shop secret)
CI_ID=$(key ci-deploy id) CI_SECRET=$(key ci-deploy secret)

start shop-api
git config user.email deploy@brambleford.example
cp "$EXAMPLE"/systems/shop-api/{app.py,requirements.txt} .
echo '<!doctype html><title>Brambleford Freight</title><h1>Freight, gently handled</h1>' >index.html
commit 2024-02-12T09:14:00+00:00 Tom "Start the order service"
cat >.env <<ENV
SHOP_DATABASE=/var/lib/shop/shop.sqlite
AWS_DEFAULT_REGION=eu-west-1
AWS_ACCESS_KEY_ID=$SHOP_ID
AWS_SECRET_ACCESS_KEY=$SHOP_SECRET
ENV
commit 2024-03-04T16:41:00+00:00 Tom "Publish static files from the service"
git rev-parse HEAD >"$STAGE/leaking-commit"
git rm -q .env && echo .env >.gitignore
commit 2024-03-05T08:02:00+00:00 Tom "Keep the settings out of the repository"
cp "$EXAMPLE"/systems/shop-api/Dockerfile .
commit 2024-09-17T11:30:00+00:00 Nora "Build an image"

start portal
cp -r "$EXAMPLE"/systems/portal/{package.json,package-lock.json,.npmrc,.gitignore,server.js,views,Dockerfile} .
commit 2025-01-20T10:00:00+00:00 Tom "Render the portal with server components"

start infrastructure
cp -r "$EXAMPLE"/systems/{terraform,kubernetes,ansible} .
commit 2025-02-03T10:00:00+00:00 Nora "Describe the account and the cluster"

# What an engineer copied from build01 for the review: the runner's settings, under the host's name.
mkdir -p "$STAGE/collected/build01.internal.brambleford.example/etc/forge-runner"
sed -e "s|@ACCESS_KEY_ID@|$CI_ID|" -e "s|@SECRET_ACCESS_KEY@|$CI_SECRET|" \
  "$EXAMPLE/systems/build01/etc/forge-runner/config.toml.in" \
  >"$STAGE/collected/build01.internal.brambleford.example/etc/forge-runner/config.toml"
