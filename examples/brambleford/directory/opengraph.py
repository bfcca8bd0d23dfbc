#!/usr/bin/env python3
"""Turns directory.yaml into an OpenGraph JSON export on standard output: same input, same bytes."""

import json
import pathlib
import sys

import yaml

DIRECTORY = yaml.safe_load((pathlib.Path(__file__).parent / "directory.yaml").read_text())
DOMAIN, DOMAIN_SID = DIRECTORY["domain"], DIRECTORY["sid"]


def sid(entry):
    return f"{DOMAIN_SID}-{entry['rid']}"


def node(identity, kind, name, **properties):
    properties = {"objectid": identity, "name": name, "domain": DOMAIN, "domainsid": DOMAIN_SID, **properties}
    return {"id": identity, "kinds": [kind, "Base"], "properties": {k: v for k, v in properties.items() if v is not None}}


def edge(kind, start, end, **properties):
    ends = {"start": {"value": start, "match_by": "id"}, "end": {"value": end, "match_by": "id"}}
    return {"kind": kind, **ends, "properties": properties}


def main():
    nodes = [node(DOMAIN_SID, "Domain", DOMAIN, functionallevel="2016")]
    edges = []
    known = {}
    for person in DIRECTORY["people"]:
        known[person["account"]] = sid(person)
        nodes.append(
            node(
                sid(person),
                "User",
                f"{person['account']}@{DOMAIN}".upper(),
                samaccountname=person["account"],
                displayname=person["name"],
                title=person["title"],
                email=person.get("email"),
                hasmailbox="email" in person,
                mfaenabled=person["mfa"],
                enabled=True,
                hasspn="spn" in person,
                serviceprincipalnames=[person["spn"]] if "spn" in person else [],
            )
        )
        edges.append(edge("Contains", DOMAIN_SID, sid(person)))
    for group in DIRECTORY["groups"]:
        known[group["name"]] = sid(group)
        nodes.append(node(sid(group), "Group", f"{group['name']}@{DOMAIN}", samaccountname=group["name"], admincount=group["rid"] == 512))
    for group in DIRECTORY["groups"]:
        edges.extend(edge("MemberOf", known[member], sid(group)) for member in group["members"])
    for computer in DIRECTORY["computers"]:
        name = f"{computer['name']}.{DOMAIN}"
        nodes.append(
            node(sid(computer), "Computer", name, samaccountname=computer["name"] + "$", dnshostname=name.lower(), operatingsystem=computer["system"], enabled=True)
        )
        edges.extend(edge("AdminTo", known[who], sid(computer)) for who in computer["administrators"])
        edges.extend(edge("CanRDP", known[who], sid(computer)) for who in computer.get("remote_users", []))
        edges.extend(edge("HasSession", sid(computer), known[who]) for who in computer["sessions"])
    for right in ("GetChanges", "GetChangesAll", "GenericAll"):
        edges.append(edge(right, known["DOMAIN ADMINS"], DOMAIN_SID))
    document = {"metadata": {"source_kind": "Base"}, "graph": {"nodes": nodes, "edges": edges}}
    json.dump(document, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
