#!/usr/bin/env bash
# Starts and stops the services of the example inside their namespaces.
#   services.sh cloud | edge [shop-fixed] | inside | harden-cache | stop
set -euo pipefail
source "$(dirname "$0")/settings.sh"

RUN=$STAGE/run
mkdir -p "$RUN"

# launch NAME NAMESPACE COMMAND...: runs in the background, remembers the process
launch() {
  local name=$1 namespace=$2; shift 2
  # Not through the function: the process id must be that of the command itself.
  ip netns exec "$PREFIX-$namespace" "$@" >"$RUN/$name.log" 2>&1 &
  echo $! >"$RUN/$name.pid"
}

halt() {
  local file=$RUN/$1.pid
  [[ -e $file ]] || return 0
  kill "$(cat "$file")" 2>/dev/null || true
  while kill -0 "$(cat "$file")" 2>/dev/null; do sleep 0.1; done
  rm -f "$file"
}

# Redis tells its clients the kernel that it runs on. What the reports say must not depend on the machine that runs the
# rig, so its processes are told the kernel of a stock Debian 12.
stock_kernel() {
  [[ -e $RUN/stock-kernel.so ]] || cc -shared -fPIC -o "$RUN/stock-kernel.so" "$RIG/stock_kernel.c"
  echo "LD_PRELOAD=$RUN/stock-kernel.so"
}

# await NAMESPACE ADDRESS PORT
await() {
  for _ in $(seq 150); do
    inside "$1" bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null && return
    sleep 0.2
  done
  say "nothing answers on $2:$3 in $1" && return 1
}

certificate() {
  local name=$1 host=$2
  [[ -e $RUN/$name.pem ]] || openssl req -x509 -newkey rsa:2048 -nodes -days 397 -keyout "$RUN/$name.key" -out "$RUN/$name.pem" \
    -subj "/O=Brambleford Freight/CN=$host" -addext "subjectAltName=DNS:$host" 2>/dev/null
}

web_server() {
  local namespace=$1 configuration=$2
  cat >"$RUN/$namespace-nginx.conf" <<NGINX
pid $RUN/$namespace-nginx.pid.own;
error_log $RUN/$namespace-nginx.error.log;
events {}
http {
  include /etc/nginx/mime.types;
  access_log off;
$(sed -e "s|@CERTIFICATES@|$RUN|" -e "s|@WEBROOT@|$STAGE/www|" "$EXAMPLE/systems/nginx/$configuration.conf")
}
NGINX
  launch "$namespace-nginx" "$namespace" nginx -c "$RUN/$namespace-nginx.conf" -g "daemon off;"
}

ssh_server() {
  local namespace=$1 address=$2
  [[ -e $RUN/$namespace-hostkey ]] || ssh-keygen -q -t ed25519 -N "" -C "" -f "$RUN/$namespace-hostkey"
  mkdir -p /run/sshd
  launch "$namespace-sshd" "$namespace" /usr/sbin/sshd -D -e -f /dev/null -h "$RUN/$namespace-hostkey" \
    -o ListenAddress="$address" -o PidFile=none -o PasswordAuthentication=no "${@:3}"
}

portal() {
  local name=$1 namespace=$2 address=$3 port=$4
  mkdir -p "$STAGE/www/portal"
  cp -r "$EXAMPLE"/systems/portal/{server.js,views} "$TOOLS"/portal/{package.json,node_modules} "$STAGE/www/portal/"
  launch "$name" "$namespace" env PORTAL_ADDRESS="$address" PORTAL_PORT="$port" node --conditions react-server "$STAGE/www/portal/server.js"
}

start_edge() {
  certificate shop shop.brambleford.example
  certificate portal portal.brambleford.example
  mkdir -p "$STAGE/www/shop-static"
  rm -rf "$STAGE/www/shop-api"
  cp -r "$STAGE/repositories/shop-api" "$STAGE/www/shop-api"
  cp "$STAGE/www/shop-api/index.html" "$STAGE/www/shop-static/"
  launch shop-api shop env SHOP_DATABASE="$RUN/shop.sqlite" "$TOOLS/venv-shop-api/bin/python" "$STAGE/www/shop-api/app.py"
  web_server shop "$1"
  portal portal portal 127.0.0.1 8001
  web_server portal portal
  chmod -R go+rX "$STAGE/www"
  await shop 127.0.0.1 8000
  await portal 127.0.0.1 8001
  await internet 198.51.100.10 443
  await internet 198.51.100.11 443
}

start_directory() {
  mkdir -p "$RUN/ldap"
  cat >"$RUN/slapd.conf" <<LDAP
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=internal,dc=brambleford,dc=example"
directory $RUN/ldap
LDAP
  launch dc01-slapd dc01 /usr/sbin/slapd -d 0 -f "$RUN/slapd.conf" -h "ldap://10.20.30.5:389"
}

start_inside() {
  start_directory
  ssh_server build01 10.20.30.20
  ssh_server cache 10.20.30.40
  launch cache-redis cache env "$(stock_kernel)" redis-server --bind 10.20.30.40 --port 6379 --protected-mode no --save "" --dir "$RUN"
  # The label station's SSH server is old: weak algorithms, as shipped.
  ssh_server labels 10.20.30.40 -o KexAlgorithms=+diffie-hellman-group14-sha1 -o Ciphers=+aes256-cbc -o MACs=+hmac-sha1
  launch labels-web labels python3 "$EXAMPLE/systems/labels/server.py" 10.20.30.40 80
  [[ -e $RUN/archive-hostkey ]] || ssh-keygen -q -t rsa -b 2048 -m PEM -N "" -C "" -f "$RUN/archive-hostkey"
  launch archive-sftp archive "$TOOLS/venv-sftp-archive/bin/python" "$EXAMPLE/systems/sftp-archive/server.py" 10.99.0.10 22 "$RUN/archive-hostkey"
  portal archive-portal archive 10.99.0.10 80
  await auditor 10.20.30.5 389
  await auditor 10.20.30.20 22
  await auditor 10.20.30.40 6379
  await surveyor 10.20.30.40 80
  await lab-auditor 10.99.0.10 22
  await lab-auditor 10.99.0.10 80
}

case $1 in
  cloud)
    launch moto aws env MOTO_IAM_LOAD_MANAGED_POLICIES=true "$TOOLS/venv-aws/bin/moto_server" -H 127.0.0.1 -p 5000
    await aws 127.0.0.1 5000
    ;;
  edge) start_edge "${2:-shop}" ;;
  inside) start_inside ;;
  harden-cache)
    halt cache-redis
    launch cache-redis cache env "$(stock_kernel)" redis-server --bind 10.20.30.40 --port 6379 --requirepass "$(openssl rand -hex 16)" --save "" --dir "$RUN"
    await auditor 10.20.30.40 6379
    ;;
  stop-edge) for name in shop-nginx portal-nginx shop-api portal; do halt "$name"; done ;;
  stop) for file in "$RUN"/*.pid; do [[ -e $file ]] && halt "$(basename "$file" .pid)"; done ;;
esac
