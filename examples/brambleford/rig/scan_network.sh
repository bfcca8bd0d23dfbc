#!/usr/bin/env bash
# Scanners that talk to the running services: each from the network it is named after.
#   scan_network.sh edge | inside | retest | after-fix
set -euo pipefail
source "$(dirname "$0")/settings.sh"

"$TOOLS/venv-code/bin/python" "$RIG/advisories.py" nse "$STAGE/flaws.lua"
FLAWS=(--script-args "version-flaws.table=$STAGE/flaws.lua")
# nmap prints its command line, so its files lie in the stage and are moved afterwards.
cp "$RIG/nse/version-flaws.nse" "$STAGE/"
OWN=$STAGE/version-flaws.nse
mkdir -p "$STAGE/out" && cd "$STAGE/out"
finds() { "$@" || [[ $? -lt 120 ]]; }

case $1 in
  edge)
    say "nmap of the edge, from the internet"
    inside internet nmap -Pn -sS -sV -p 22,80,443,3306,5432,6379,8000,8080 \
      --script "http-title,http-git,http-security-headers,ssl-cert,ssl-enum-ciphers,$OWN" "${FLAWS[@]}" \
      -oX nmap-edge-from-internet.xml shop.brambleford.example portal.brambleford.example >/dev/null
    say "wapiti"
    mkdir -p "$STAGE/wapiti"
    cp "$RIG/nikto_db" "$STAGE/wapiti/"
    finds inside internet "$TOOLS/venv-web/bin/wapiti" -u https://shop.brambleford.example/ --scope folder --verify-ssl 0 --flush-session \
      -m nikto,http_headers,cookieflags,csp,htaccess,methods --store-config "$STAGE/wapiti" --no-bugreport --max-scan-time 120 \
      -f json -o wapiti-shop.json >/dev/null
    say "TLS scanners"
    inside internet sslscan --no-colour --xml=sslscan-shop-443.xml shop.brambleford.example:443 >/dev/null
    finds inside internet "$TOOLS/venv-tls/bin/sslyze" --json_out=sslyze-shop-443.json --tlsv1 --tlsv1_1 --tlsv1_2 --tlsv1_3 --heartbleed --openssl_ccs \
      shop.brambleford.example:443 >/dev/null
    finds inside internet testssl --quiet --color 0 --warnings off -p -S -h --jsonfile testssl-shop-443.json shop.brambleford.example:443 >/dev/null
    say "whatweb"
    inside internet whatweb -q --no-errors --log-json=whatweb-edge.json https://shop.brambleford.example/ https://portal.brambleford.example/ >/dev/null
    ;;
  inside)
    say "nmap of headquarters, the depot and the laboratory"
    inside auditor nmap -sS -sV -p 22,80,389,443,6379,8080 --script "ssh-hostkey,ldap-rootdse,redis-info" \
      -oX nmap-headquarters.xml 10.20.30.5 10.20.30.20 10.20.30.40 >/dev/null
    inside surveyor nmap -sS -sV -p 22,80,443,6379,9100 --script "ssh-hostkey,http-title" \
      -oX nmap-depot-north.xml 10.20.30.40 >/dev/null
    inside lab-auditor nmap -sS -sV -p 22,80,443,5432,8080 --script "ssh-hostkey,http-title,$OWN" "${FLAWS[@]}" \
      -oX nmap-laboratory.xml 10.99.0.10 >/dev/null
    say "ssh-audit"
    finds inside surveyor ssh-audit -j 10.20.30.40 >ssh-audit-labels.depot.brambleford.example.json
    ;;
  retest)
    say "nmap of the cache again, after its fix"
    inside auditor nmap -sS -sV -p 22,80,389,443,6379,8080 --script "ssh-hostkey,redis-info" \
      -oX nmap-headquarters-cache-retest.xml 10.20.30.40 >/dev/null
    ;;
  after-fix)
    say "nmap of the edge again, after its fix"
    inside internet nmap -Pn -sS -sV -p 22,80,443,3306,5432,6379,8000,8080 \
      --script "http-title,http-git,http-security-headers,ssl-cert,ssl-enum-ciphers,$OWN" "${FLAWS[@]}" \
      -oX nmap-edge-from-internet-retest.xml shop.brambleford.example portal.brambleford.example >/dev/null
    inside internet sslscan --no-colour --xml=sslscan-shop-443-retest.xml shop.brambleford.example:443 >/dev/null
    ;;
esac
# The reports of the day go to reports/, those of the day after the fix to their own folder.
if [[ $1 == after-fix ]]; then mv ./* "$AFTER/"; else mv ./* "$REPORTS/"; fi
