#!/usr/bin/env python3
"""Makes databases and intelligence files from advisories.yaml.

    advisories.py osv FOLDER              offline database of osv-scanner: FOLDER/<ecosystem>/all.zip
    advisories.py retire FILE             repository file of retire.js
    advisories.py nse FILE                table for the nmap script version-flaws.nse
    advisories.py intel FOLDER KEV EPSS   intel/: catalogue entries and scores cut out of the publishers' full files
                                          KEV and EPSS to the CVEs of the example, and CVE records

Same input, same bytes.
"""

import gzip
import json
import pathlib
import sys
import zipfile

import yaml

ADVISORIES = yaml.safe_load((pathlib.Path(__file__).parent / "advisories.yaml").read_text())
SCRIPTED = ("jquery", "lodash")


def ecosystem_and_name(advisory):
    return advisory["package"].split("/", 1)


def dump(document):
    return json.dumps(document, indent=2) + "\n"


def osv(folder):
    packs = {}
    for advisory in ADVISORIES:
        ecosystem, name = ecosystem_and_name(advisory)
        events = []
        for interval in advisory["ranges"]:
            events += [{"introduced": str(interval.get("from", "0"))}, {"fixed": str(interval["fixed"])}]
        record = {
            "schema_version": "1.6.0",
            "id": advisory["ghsa"],
            "aliases": [advisory["cve"]],
            "published": f"{advisory['published']}T00:00:00Z",
            "modified": f"{advisory['published']}T00:00:00Z",
            "summary": advisory["summary"],
            "severity": [{"type": "CVSS_V3", "score": advisory["cvss"]}],
            "affected": [
                {
                    "package": {"ecosystem": ecosystem, "name": name},
                    "ranges": [{"type": "SEMVER" if ecosystem == "npm" else "ECOSYSTEM", "events": events}],
                }
            ],
            "references": [{"type": "ADVISORY", "url": f"https://nvd.nist.gov/vuln/detail/{advisory['cve']}"}],
            "database_specific": {"cwe_ids": [advisory["cwe"]]},
        }
        packs.setdefault(ecosystem, {})[advisory["ghsa"]] = record
    for ecosystem, records in packs.items():
        path = pathlib.Path(folder) / ecosystem / "all.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as pack:
            for identity, record in sorted(records.items()):
                pack.writestr(zipfile.ZipInfo(f"{identity}.json"), dump(record))


def severity(score):
    return "critical" if score >= 9 else "high" if score >= 7 else "medium" if score >= 4 else "low"


def retire(path):
    libraries = {}
    for advisory in ADVISORIES:
        name = ecosystem_and_name(advisory)[1]
        if name not in SCRIPTED:
            continue
        library = libraries.setdefault(name, {"npmname": name, "vulnerabilities": [], "extractors": {}})
        for interval in advisory["ranges"]:
            weakness = {"below": str(interval["fixed"]), "severity": severity(advisory["score"]), "cwe": [advisory["cwe"]]}
            if "from" in interval:
                weakness["atOrAbove"] = str(interval["from"])
            weakness["identifiers"] = {"summary": advisory["summary"], "CVE": [advisory["cve"]], "githubID": advisory["ghsa"]}
            weakness["info"] = [f"https://nvd.nist.gov/vuln/detail/{advisory['cve']}"]
            library["vulnerabilities"].append(weakness)
    libraries["jquery"]["extractors"] = {
        "uri": ["/(§§version§§)/jquery(\\.min)?\\.js"],
        "filename": ["jquery-(§§version§§)(\\.min)?\\.js"],
        "filecontent": ["jQuery JavaScript Library v(§§version§§)", "jQuery v(§§version§§)"],
    }
    libraries["lodash"]["extractors"] = {"filecontent": ["var VERSION = '(§§version§§)';[\\s\\S]{0,400}LARGE_ARRAY_SIZE"]}
    pathlib.Path(path).write_text(json.dumps(libraries, indent=2, ensure_ascii=False) + "\n")


def lua(value):
    return json.dumps(str(value), ensure_ascii=False)


def nse(path):
    lines = ["-- Made by advisories.py; read by version-flaws.nse.", "return {"]
    for advisory in ADVISORIES:
        if not advisory.get("remote"):
            continue
        name = ecosystem_and_name(advisory)[1]
        ranges = ", ".join(
            "{ " + (f"from = {lua(r['from'])}, " if "from" in r else "") + f"fixed = {lua(r['fixed'])} }}" for r in advisory["ranges"]
        )
        lines.append(
            f"  {{ package = {lua(name)}, cve = {lua(advisory['cve'])}, score = {lua(float(advisory['score']))}, vector = {lua(advisory['cvss'])}, "
            f"published = {lua(advisory['published'])}, summary = {lua(advisory['summary'])}, ranges = {{ {ranges} }} }},"
        )
    pathlib.Path(path).write_text("\n".join(lines) + "\n}\n")


def cve_record(advisory):
    ecosystem, name = ecosystem_and_name(advisory)
    versions = [
        {"version": str(r.get("from", "0")), "lessThan": str(r["fixed"]), "status": "affected", "versionType": "semver"}
        for r in advisory["ranges"]
    ]
    version = advisory["cvss"].split("/")[0].split(":")[1]
    metric = {
        "version": version,
        "vectorString": advisory["cvss"],
        "baseScore": float(advisory["score"]),
        "baseSeverity": severity(advisory["score"]).upper(),
    }
    published = f"{advisory['published']}T00:00:00.000Z"
    containers = {
        "cna": {
            "providerMetadata": {"orgId": "00000000-0000-4000-8000-000000000000", "shortName": "example"},
            "title": advisory["summary"],
            "descriptions": [{"lang": "en", "value": advisory["summary"] + "."}],
            "affected": [
                {
                    "vendor": advisory["vendor"],
                    "product": name,
                    "packageURL": f"pkg:{ecosystem.lower()}/{name}",
                    "defaultStatus": "unaffected",
                    "versions": versions,
                }
            ],
            "problemTypes": [{"descriptions": [{"lang": "en", "type": "CWE", "cweId": advisory["cwe"], "description": advisory["cwe"]}]}],
            "metrics": [{"format": "CVSS", f"cvssV{version.replace('.', '_')}": metric}],
            "references": [{"url": f"https://nvd.nist.gov/vuln/detail/{advisory['cve']}"}],
        }
    }
    if "ssvc" in advisory:
        containers["adp"] = [
            {
                "title": "CISA ADP Vulnrichment",
                "providerMetadata": {"orgId": "134c704f-9b21-4f2e-91b3-4a467353bcc0", "shortName": "CISA-ADP"},
                "metrics": [
                    {
                        "other": {
                            "type": "ssvc",
                            "content": {
                                "id": advisory["cve"],
                                "role": "CISA Coordinator",
                                "version": "2.0.3",
                                "timestamp": f"{advisory['ssvc_date']}T00:00:00.000000Z",
                                "options": [{key: value} for key, value in advisory["ssvc"].items()],
                            },
                        }
                    }
                ],
            }
        ]
    return {
        "dataType": "CVE_RECORD",
        "dataVersion": "5.2",
        "cveMetadata": {
            "cveId": advisory["cve"],
            "assignerOrgId": "00000000-0000-4000-8000-000000000000",
            "state": "PUBLISHED",
            "datePublished": published,
            "dateUpdated": published,
        },
        "containers": containers,
    }


def intel(folder, catalogue, scores):
    folder, wanted = pathlib.Path(folder), {advisory["cve"] for advisory in ADVISORIES}
    full = json.loads(pathlib.Path(catalogue).read_text())
    entries = [entry for entry in full["vulnerabilities"] if entry["cveID"] in wanted]
    (folder / "known_exploited_vulnerabilities.json").write_text(dump({**full, "count": len(entries), "vulnerabilities": entries}))
    with gzip.open(scores, "rt", encoding="utf-8") as lines:
        kept = [next(lines), next(lines)] + [line for line in lines if line.split(",", 1)[0] in wanted]
    day = kept[0].split("score_date:")[1][:10]
    (folder / f"epss_scores-{day}.csv").write_text("".join(kept))
    (folder / "cve").mkdir(parents=True, exist_ok=True)
    for advisory in ADVISORIES:
        (folder / "cve" / f"{advisory['cve']}.json").write_text(dump(cve_record(advisory)))


if __name__ == "__main__":
    {"osv": osv, "retire": retire, "nse": nse, "intel": intel}[sys.argv[1]](*sys.argv[2:])
