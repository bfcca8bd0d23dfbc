//! The composite edges of small directories: for each kind one that has it, and ones that lack a premise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support_derive;

use std::fmt::Write as _;

use support_derive::{check, corp, derived, with};

#[test]
fn dcsync_needs_both_rights_over_one_domain() {
    let rights = "Domain corp\nDomain lab\nUser ann\nUser ben\nGroup left\nGroup right\nben -MemberOf-> left\n\
        ben -MemberOf-> right\n";
    let by_groups = "left -GetChanges-> corp\nright -GetChangesAll-> corp\n";
    check(&format!("{rights}{by_groups}"), "DCSync", &[("ben", "corp")]);
    let direct = "ann -GetChanges-> corp\nann -GetChangesAll-> corp\n";
    check(&format!("{rights}{direct}"), "DCSync", &[("ann", "corp")]);
    for lacking in [
        "ann -GetChanges-> corp\n",
        "ann -GetChangesAll-> corp\n",
        "ann -GetChanges-> corp\nann -GetChangesAll-> lab\n",
        "ann -GetChanges-> corp\nann -GetChangesInFilteredSet-> corp\n",
        "ann -GetChanges-> corp\nleft -GetChangesAll-> corp\n",
    ] {
        check(&format!("{rights}{lacking}"), "DCSync", &[]);
    }
    // A domain that was not collected; and what is no domain.
    check(&format!("{direct}Domain corp {{\"collected\": false}}\nUser ann\n"), "DCSync", &[]);
    check(&format!("{direct}Group corp\nUser ann\n"), "DCSync", &[]);
}

#[test]
fn the_first_principals_at_which_rights_meet_are_named_and_not_all_below() {
    let graph = "Domain corp\nUser ann\nUser ben\nGroup top\nGroup middle\nGroup other\nann -MemberOf-> middle\n\
        middle -MemberOf-> top\nmiddle -MemberOf-> other\nben -MemberOf-> top\ntop -GetChanges-> corp\n\
        other -GetChangesAll-> corp\n";
    check(graph, "DCSync", &[("middle", "corp")]);
    // Rings of groups end.
    check(&format!("{graph}top -MemberOf-> middle\n"), "DCSync", &[("top", "corp")]);
}

#[test]
fn what_everyone_holds_asks_nothing_of_anybody() {
    let everyone = "Group S-1-5-21-1-2-3-S-1-5-11 {\"name\": \"AUTHENTICATED USERS@CORP\"}\n";
    let facts = r#"{"enrolleesuppliessubject": true, "authenticationenabled": true, "schemaversion": 1}"#;
    let graph =
        format!("{}{everyone}Group staff\nUser ann\nann -MemberOf-> staff\nstaff -Enroll-> t\n", corp(facts));
    let asks = "S-1-5-21-1-2-3-S-1-5-11 -Enroll-> ca\n";
    check(&format!("{graph}{asks}"), "ADCSESC1", &[("staff", "corp")]);
    // Over a group of theirs as well; and a group that is only called so counts when there are no SIDs.
    let over = "Group users\nS-1-5-21-1-2-3-S-1-5-11 -MemberOf-> users\nusers -Enroll-> ca\n";
    check(&format!("{graph}{over}"), "ADCSESC1", &[("staff", "corp")]);
    let named = "Group all {\"name\": \"EVERYONE@CORP\"}\nall -Enroll-> ca\n";
    check(&format!("{graph}{named}"), "ADCSESC1", &[("staff", "corp")]);
    let posing =
        "Group all {\"name\": \"EVERYONE@CORP\", \"objectid\": \"S-1-5-21-1-2-3-1105\"}\nall -Enroll-> ca\n";
    check(&format!("{graph}{posing}"), "ADCSESC1", &[]);
    // Both rights: all who are named.
    let both = format!("{graph}{asks}S-1-5-21-1-2-3-S-1-5-11 -Enroll-> t\n");
    check(&both, "ADCSESC1", &[("S-1-5-21-1-2-3-S-1-5-11", "corp"), ("staff", "corp")]);
}

#[test]
fn laps_passwords_are_replicated_for_the_computers_that_have_them() {
    let graph = "Domain corp {\"domainsid\": \"S-1\"}\nUser ann\nann -GetChanges-> corp\n\
        Computer managed {\"haslaps\": true, \"domainsid\": \"S-1\"}\nComputer bare {\"haslaps\": false, \"domainsid\": \"S-1\"}\n\
        Computer away {\"haslaps\": true, \"domainsid\": \"S-2\"}\n";
    check(
        &format!("{graph}ann -GetChangesInFilteredSet-> corp\n"),
        "SyncLAPSPassword",
        &[("ann", "managed")],
    );
    check(&format!("{graph}ann -GetChangesAll-> corp\n"), "SyncLAPSPassword", &[]);
}

const ESC1: &str = r#"{"enrolleesuppliessubject": true, "authenticationenabled": true,
    "requiresmanagerapproval": false, "schemaversion": 2, "authorizedsignatures": 0}"#;
const ANN: &str = "User ann\nann -Enroll-> t\nann -Enroll-> ca\n";

#[test]
fn esc1_needs_a_free_template_that_signs_in_under_any_name() {
    let graph = |facts: &str| format!("{}{ANN}", corp(facts));
    check(&graph(ESC1), "ADCSESC1", &[("ann", "corp")]);
    // Of the first version, signatures mean nothing; capital letters in names of properties neither.
    check(
        &graph(&with(ESC1, r#"{"schemaversion": 1, "authorizedsignatures": 1}"#)),
        "ADCSESC1",
        &[("ann", "corp")],
    );
    check(
        &graph(&ESC1.replace("enrollee", "Enrollee").replace("authentication", "AUTHENTICATION")),
        "ADCSESC1",
        &[("ann", "corp")],
    );
    for broken in [
        r#"{"enrolleesuppliessubject": false}"#,
        r#"{"enrolleesuppliessubject": null}"#,
        r#"{"authenticationenabled": false}"#,
        r#"{"requiresmanagerapproval": true}"#,
        r#"{"authorizedsignatures": 1}"#,
    ] {
        check(&graph(&with(ESC1, broken)), "ADCSESC1", &[]);
    }
    for missing in ["ann -Enroll-> t\n", "ann -Enroll-> ca\n", "t -PublishedTo-> ca\n"] {
        check(&graph(ESC1).replace(missing, ""), "ADCSESC1", &[]);
    }
    for (right, holds) in
        [("GenericAll", true), ("AllExtendedRights", true), ("GenericWrite", false), ("Owns", false)]
    {
        let expected: &[_] = if holds { &[("ann", "corp")] } else { &[] };
        check(&graph(ESC1).replace("ann -Enroll-> t", &format!("ann -{right}-> t")), "ADCSESC1", expected);
        // On the authority only the right to ask counts.
        check(&graph(ESC1).replace("ann -Enroll-> ca", &format!("ann -{right}-> ca")), "ADCSESC1", &[]);
    }
}

#[test]
fn an_authority_counts_when_its_chain_and_the_store_lead_to_the_domain() {
    let graph = format!("{}{ANN}", corp(ESC1));
    for missing in [
        "root -RootCAFor-> corp\n",
        "ca -IssuedSignedBy-> root\n",
        "ca -TrustedForNTAuth-> store\n",
        "store -NTAuthStoreFor-> corp\n",
    ] {
        check(&graph.replace(missing, ""), "ADCSESC1", &[]);
    }
    // Over an intermediate authority, and as the root itself.
    let longer = graph.replace(
        "ca -IssuedSignedBy-> root",
        "AIACA middle\nca -IssuedSignedBy-> middle\nmiddle -EnterpriseCAFor-> root",
    );
    check(&longer, "ADCSESC1", &[("ann", "corp")]);
    // Each domain for itself: the store of another domain does not help.
    let lab = "Domain lab\nroot -RootCAFor-> lab\n";
    check(&format!("{graph}{lab}"), "ADCSESC1", &[("ann", "corp")]);
    check(
        &format!("{graph}{lab}store -NTAuthStoreFor-> lab\n"),
        "ADCSESC1",
        &[("ann", "corp"), ("ann", "lab")],
    );
    // A host that is off, and one that is on.
    let host =
        |enabled| format!("{graph}Computer host {{\"enabled\": {enabled}}}\nhost -HostsCAService-> ca\n");
    check(&host(false), "ADCSESC1", &[]);
    check(&host(true), "ADCSESC1", &[("ann", "corp")]);
    check(&host(true), "GoldenCert", &[("host", "corp")]);
    check(&host(true).replace("ca -TrustedForNTAuth-> store\n", ""), "GoldenCert", &[]);
    check(&graph, "GoldenCert", &[]);
}

#[test]
fn thumbprints_make_the_ties_of_the_chain() {
    let graph = format!("{}{ANN}", corp(ESC1))
        .replace("ca -IssuedSignedBy-> root\nca -TrustedForNTAuth-> store\n", "")
        .replace("RootCA root", "RootCA root {\"certthumbprint\": \"AA\", \"certchain\": [\"AA\"]}")
        .replace(
            "EnterpriseCA ca",
            "EnterpriseCA ca {\"certthumbprint\": \"bb\", \"certchain\": [\"BB\", \"AA\"]}",
        );
    let trusted = graph.replace("NTAuthStore store", "NTAuthStore store {\"certthumbprints\": [\"BB\"]}");
    check(&trusted, "ADCSESC1", &[("ann", "corp")]);
    check(&trusted, "IssuedSignedBy", &[("ca", "root")]);
    check(&trusted, "TrustedForNTAuth", &[("ca", "store")]);
    check(&graph, "ADCSESC1", &[]);
    let same = trusted.replace("\"bb\"", "\"AA\"");
    check(&same, "EnterpriseCAFor", &[("ca", "root")]);
    check(&same, "TrustedForNTAuth", &[]);
}

#[test]
fn esc3_needs_an_agent_and_a_template_for_others() {
    let first = r#"{"requiresmanagerapproval": false, "schemaversion": 2, "authorizedsignatures": 0}"#;
    let second = r#"{"authenticationenabled": true, "requiresmanagerapproval": false}"#;
    let build = |first: &str, second: &str, ca: &str| {
        let rights = "ann -Enroll-> agent\nann -Enroll-> t\nann -Enroll-> ca\nagent -PublishedTo-> ca\n\
            agent -EnrollOnBehalfOf-> t\n";
        let nodes = format!("CertTemplate agent {first}\nUser ann\nComputer pc\n");
        format!("{}{nodes}{rights}", corp(second))
            .replace("EnterpriseCA ca", &format!("EnterpriseCA ca {ca}"))
    };
    let graph = build(first, second, "{}");
    check(&graph, "ADCSESC3", &[("ann", "corp")]);
    for missing in [
        "ann -Enroll-> agent\n",
        "ann -Enroll-> t\n",
        "ann -Enroll-> ca\n",
        "agent -PublishedTo-> ca\n",
        "t -PublishedTo-> ca\n",
        "agent -EnrollOnBehalfOf-> t\n",
    ] {
        check(&graph.replace(missing, ""), "ADCSESC3", &[]);
    }
    for broken in [
        r#"{"requiresmanagerapproval": true}"#,
        r#"{"authorizedsignatures": 1}"#,
        r#"{"subjectaltrequiredns": true}"#,
    ] {
        check(&build(&with(first, broken), second, "{}"), "ADCSESC3", &[]);
    }
    for broken in [r#"{"requiresmanagerapproval": true}"#, r#"{"authenticationenabled": false}"#] {
        check(&build(first, &with(second, broken), "{}"), "ADCSESC3", &[]);
    }
    // Computers have DNS names.
    let by_computer =
        build(&with(first, r#"{"subjectaltrequiredns": true}"#), second, "{}").replace("ann -", "pc -");
    check(&by_computer, "ADCSESC3", &[("pc", "corp")]);
    // Restricted agents must be delegated; restrictions that nobody collected are none.
    let restricted = build(
        first,
        second,
        r#"{"enrollmentagentrestrictionscollected": true, "hasenrollmentagentrestrictions": true}"#,
    );
    check(&restricted, "ADCSESC3", &[]);
    check(&format!("{restricted}ann -DelegatedEnrollmentAgent-> t\n"), "ADCSESC3", &[("ann", "corp")]);
    let unknown =
        r#"{"enrollmentagentrestrictionscollected": false, "hasenrollmentagentrestrictions": true}"#;
    check(&build(first, second, unknown), "ADCSESC3", &[("ann", "corp")]);
}

#[test]
fn agents_follow_from_purposes() {
    let agent = |purposes: &str| {
        format!(
            "CertTemplate agent {{\"effectiveekus\": {purposes}, \"schemaversion\": 2}}\nagent -PublishedTo-> ca\n"
        )
    };
    let old = corp(r#"{"schemaversion": 1}"#);
    let newer = corp(
        r#"{"schemaversion": 2, "authorizedsignatures": 1, "applicationpolicies": ["1.3.6.1.4.1.311.20.2.1"]}"#,
    );
    let requests = agent(r#"["1.3.6.1.4.1.311.20.2.1"]"#);
    check(&format!("{old}{requests}"), "EnrollOnBehalfOf", &[("agent", "t")]);
    check(&format!("{newer}{requests}"), "EnrollOnBehalfOf", &[("agent", "t")]);
    // Any purpose will do for the first version alone; another purpose for none.
    check(&format!("{old}{}", agent(r#"["2.5.29.37.0"]"#)), "EnrollOnBehalfOf", &[("agent", "t")]);
    check(&format!("{newer}{}", agent(r#"["2.5.29.37.0"]"#)), "EnrollOnBehalfOf", &[]);
    check(&format!("{old}{}", agent(r#"["1.3.6.1.5.5.7.3.1"]"#)), "EnrollOnBehalfOf", &[]);
    check(
        &format!("{}{requests}", newer.replace("1.3.6.1.4.1.311.20.2.1", "1.2.3")),
        "EnrollOnBehalfOf",
        &[],
    );
    check(&format!("{}{requests}", old.replace("t -PublishedTo-> ca\n", "")), "EnrollOnBehalfOf", &[]);
    check(&format!("{old}{requests}").replace("agent -PublishedTo-> ca\n", ""), "EnrollOnBehalfOf", &[]);
}

#[test]
fn esc4_needs_what_makes_the_template_dangerous() {
    let tame = r#"{"authenticationenabled": true, "requiresmanagerapproval": true, "enrolleesuppliessubject": false,
        "schemaversion": 2, "authorizedsignatures": 0}"#;
    let graph = |facts: &str, rights: &[&str]| {
        let mut graph = format!("{}User ann\nann -Enroll-> ca\n", corp(facts));
        for right in rights {
            let _ = writeln!(graph, "ann -{right}-> t");
        }
        graph
    };
    let yes = [("ann", "corp")];
    for control in ["GenericAll", "Owns", "WriteOwner", "WriteDacl"] {
        check(&graph("{}", &[control]), "ADCSESC4", &yes);
        check(&graph("{}", &[control]).replace("ann -Enroll-> ca\n", ""), "ADCSESC4", &[]);
    }
    check(&graph("{}", &["GenericWrite", "Enroll"]), "ADCSESC4", &yes);
    check(&graph("{}", &["GenericWrite", "AllExtendedRights"]), "ADCSESC4", &yes);
    for lacking in ["GenericWrite", "Enroll", "WritePKINameFlag", "WritePKIEnrollmentFlag"] {
        check(&graph(tame, &[lacking]), "ADCSESC4", &[]);
    }
    let (name, enrolment) = ("WritePKINameFlag", "WritePKIEnrollmentFlag");
    check(&graph(tame, &["Enroll", name, enrolment]), "ADCSESC4", &yes);
    check(&graph(tame, &[name, enrolment]), "ADCSESC4", &[]);
    check(&graph(tame, &["Enroll", name]), "ADCSESC4", &[]);
    check(&graph(tame, &["Enroll", enrolment]), "ADCSESC4", &[]);
    check(&graph(&with(tame, r#"{"requiresmanagerapproval": false}"#), &["Enroll", name]), "ADCSESC4", &yes);
    check(
        &graph(&with(tame, r#"{"enrolleesuppliessubject": true}"#), &["Enroll", enrolment]),
        "ADCSESC4",
        &yes,
    );
    for broken in [r#"{"authenticationenabled": false}"#, r#"{"authorizedsignatures": 1}"#] {
        check(&graph(&with(tame, broken), &["Enroll", name, enrolment]), "ADCSESC4", &[]);
    }
}

#[test]
fn raw_owners_own_unless_the_forest_blocks_it() {
    let graph = |heuristics: &str, object: &str| {
        format!(
            "Domain corp {{\"domainsid\": \"S-1-5-21-9\", \"dsheuristics\": \"{heuristics}\"}}\nUser ann\nUser adm\n\
             Group S-1-5-21-9-512\nadm -MemberOf-> S-1-5-21-9-512\n{object} thing {{\"domainsid\": \"S-1-5-21-9\"}}\n\
             ann -OwnsRaw-> thing\nadm -OwnsRaw-> thing\nann -WriteOwnerRaw-> thing\n"
        )
    };
    let blocks = "00000000010000000002000000001";
    let both = [("adm", "thing"), ("ann", "thing")];
    check(&graph("0", "Computer"), "Owns", &both);
    check(&graph(blocks, "Group"), "Owns", &both);
    check(&graph(blocks, "Computer"), "Owns", &[("adm", "thing")]);
    check(&graph(blocks, "Computer"), "WriteOwner", &[]);
    check(&graph(blocks, "Group"), "WriteOwner", &[("ann", "thing")]);
    // Other rules build on it.
    let template = format!("{}User ann\nann -Enroll-> ca\nann -OwnsRaw-> t\n", corp("{}"));
    check(&template, "ADCSESC4", &[("ann", "corp")]);
}

const SAN: &str = r#"{"isuserspecifiessanenabled": true, "isuserspecifiessanenabledcollected": true}"#;

#[test]
fn esc6_needs_an_authority_that_takes_names_from_requests() {
    let a = r#"{"nosecurityextension": true, "authenticationenabled": true, "schemaversion": 1}"#;
    let b = r#"{"schannelauthenticationenabled": true, "schemaversion": 2, "authorizedsignatures": 0}"#;
    let graph = |facts: &str, ca: &str, methods: i64| {
        let controller =
            format!("Computer dc {{\"certificatemappingmethodsraw\": {methods}}}\ndc -DCFor-> corp\n");
        let graph = corp(facts).replace("EnterpriseCA ca", &format!("EnterpriseCA ca {ca}"));
        format!("{graph}{controller}{ANN}")
    };
    let yes = [("ann", "corp")];
    check(&graph(a, SAN, 0), "ADCSESC6a", &yes);
    check(&graph(b, SAN, 0), "ADCSESC6a", &[]);
    check(&graph(b, SAN, 4), "ADCSESC6b", &yes);
    check(&graph(a, SAN, 4), "ADCSESC6b", &[]);
    for methods in [-1, 0, 3, 24] {
        check(&graph(b, SAN, methods), "ADCSESC6b", &[]);
    }
    for ca in [
        "{}",
        &with(SAN, r#"{"isuserspecifiessanenabled": false}"#),
        &with(SAN, r#"{"isuserspecifiessanenabledcollected": false}"#),
    ] {
        check(&graph(a, ca, 4), "ADCSESC6a", &[]);
        check(&graph(b, ca, 4), "ADCSESC6b", &[]);
    }
    for broken in [
        r#"{"requiresmanagerapproval": true}"#,
        r#"{"schemaversion": 2, "authorizedsignatures": 1}"#,
        r#"{"subjectaltrequiredomaindns": true}"#,
    ] {
        check(&graph(&with(a, broken), SAN, 4), "ADCSESC6a", &[]);
        check(&graph(&with(b, broken), SAN, 4), "ADCSESC6b", &[]);
    }
    // Groups and managed service accounts have, or hold who has, DNS names.
    let dns = graph(&with(a, r#"{"subjectaltrequiredns": true}"#), SAN, 4);
    check(&dns.replace("User ann", "Group ann"), "ADCSESC6a", &yes);
    check(&dns.replace("User ann", "User ann {\"gmsa\": true}"), "ADCSESC6a", &yes);
    // Purposes stand in for the flag in older files.
    for (purposes, holds) in
        [(r#"["1.3.6.1.5.5.7.3.2"]"#, true), ("[]", true), (r#"["1.3.6.1.5.5.7.3.1"]"#, false)]
    {
        let facts = format!("{{\"effectiveekus\": {purposes}}}");
        check(&graph(&facts, SAN, 4), "ADCSESC6b", if holds { &yes } else { &[] });
    }
    // An older file says for which authorities binding is weak; then it is for no other.
    let other = "EnterpriseCA other\nother -CanAbuseWeakCertBinding-> dc\n";
    check(&format!("{}{other}", graph(a, SAN, 4)), "ADCSESC6a", &[]);
}

#[test]
fn esc16_needs_an_authority_without_the_security_extension() {
    let facts = r#"{"authenticationenabled": true, "schemaversion": 2, "authorizedsignatures": 0}"#;
    let ca =
        with(SAN, r#"{"disabledextensions": ["1.3.6.1.4.1.311.25.2"], "disabledextensionscollected": true}"#);
    let graph = |facts: &str, ca: &str| {
        format!("{}{ANN}", corp(facts).replace("EnterpriseCA ca", &format!("EnterpriseCA ca {ca}")))
    };
    check(&graph(facts, &ca), "ADCSESC16", &[("ann", "corp")]);
    for broken in [
        r#"{"disabledextensions": ["1.2.3"]}"#,
        r#"{"disabledextensionscollected": false}"#,
        r#"{"isuserspecifiessanenabled": false}"#,
    ] {
        check(&graph(facts, &with(&ca, broken)), "ADCSESC16", &[]);
    }
    check(&graph(&with(facts, r#"{"requiresmanagerapproval": true}"#), &ca), "ADCSESC16", &[]);
}

/// A victim that may enrol, and somebody who controls it.
fn victim(facts: &str, sort: &str, controller: &str) -> String {
    let rights = "Group boss\nboss -GenericAll-> victim\nvictim -MemberOf-> staff\nGroup staff\nstaff -Enroll-> t\n\
        staff -Enroll-> ca\nUser ann\nann -MemberOf-> boss\n";
    format!("{}{sort} victim\n{rights}Computer dc {controller}\ndc -DCFor-> corp\n", corp(facts))
}

#[test]
fn esc9_needs_a_victim_no_security_extension_and_weak_binding() {
    let a = r#"{"authenticationenabled": true, "nosecurityextension": true, "subjectaltrequireupn": true,
        "enrolleesuppliessubject": false, "schemaversion": 1}"#;
    let b = &with(a, r#"{"subjectaltrequireupn": false, "subjectaltrequiredns": true}"#);
    let weak = |value: i64| format!("{{\"strongcertificatebindingenforcementraw\": {value}}}");
    let yes = [("boss", "corp")];
    for value in [-1, 0, 1] {
        check(&victim(a, "User", &weak(value)), "ADCSESC9a", &yes);
        check(&victim(b, "Computer", &weak(value)), "ADCSESC9b", &yes);
    }
    check(&victim(a, "User", &weak(2)), "ADCSESC9a", &[]);
    check(&victim(a, "User", "{}"), "ADCSESC9a", &[]);
    check(
        &victim(
            &with(a, r#"{"subjectaltrequireupn": false, "subjectaltrequirespn": true}"#),
            "User",
            &weak(1),
        ),
        "ADCSESC9a",
        &yes,
    );
    // Users have no DNS name: neither as b, nor where a template asks for both.
    check(&victim(b, "User", &weak(1)), "ADCSESC9b", &[]);
    check(&victim(&with(a, r#"{"subjectaltrequiredns": true}"#), "User", &weak(1)), "ADCSESC9a", &[]);
    check(&victim(&with(a, r#"{"subjectaltrequiredns": true}"#), "Computer", &weak(1)), "ADCSESC9a", &yes);
    for broken in [
        r#"{"authenticationenabled": false}"#,
        r#"{"nosecurityextension": false}"#,
        r#"{"enrolleesuppliessubject": true}"#,
        r#"{"requiresmanagerapproval": true}"#,
        r#"{"schemaversion": 2, "authorizedsignatures": 1}"#,
        r#"{"subjectaltrequireupn": false, "subjectaltrequiredns": false}"#,
    ] {
        check(&victim(&with(a, broken), "User", &weak(1)), "ADCSESC9a", &[]);
        check(&victim(&with(b, broken), "Computer", &weak(1)), "ADCSESC9b", &[]);
    }
    for missing in [
        "boss -GenericAll-> victim\n",
        "victim -MemberOf-> staff\n",
        "staff -Enroll-> ca\n",
        "staff -Enroll-> t\n",
        "dc -DCFor-> corp\n",
    ] {
        check(&victim(a, "User", &weak(1)).replace(missing, ""), "ADCSESC9a", &[]);
    }
    for control in ["GenericWrite", "Owns", "WriteOwner", "WriteDacl"] {
        check(
            &victim(a, "User", &weak(1)).replace("boss -GenericAll", &format!("boss -{control}")),
            "ADCSESC9a",
            &yes,
        );
    }
    check(
        &victim(a, "User", &weak(1)).replace("boss -GenericAll", "boss -ForceChangePassword"),
        "ADCSESC9a",
        &[],
    );
}

#[test]
fn esc10_needs_a_victim_and_mapping_by_name_somewhere_in_the_forest() {
    let a = r#"{"schannelauthenticationenabled": true, "subjectaltrequireupn": true, "schemaversion": 1}"#;
    let b = &with(a, r#"{"subjectaltrequireupn": false, "subjectaltrequiredns": true}"#);
    let maps = |value: i64| format!("{{\"certificatemappingmethodsraw\": {value}}}");
    let yes = [("boss", "corp")];
    check(&victim(a, "User", &maps(31)), "ADCSESC10a", &yes);
    check(&victim(b, "Computer", &maps(4)), "ADCSESC10b", &yes);
    check(&victim(b, "User", &maps(4)), "ADCSESC10b", &[]);
    for value in [-1, 0, 24] {
        check(&victim(a, "User", &maps(value)), "ADCSESC10a", &[]);
    }
    check(
        &victim(&with(a, r#"{"schannelauthenticationenabled": false}"#), "User", &maps(4)),
        "ADCSESC10a",
        &[],
    );
    // A domain of the forest that trusts ours maps by name: either way of saying it, but not the reverse.
    let child = "Domain child\nComputer other {\"certificatemappingmethodsraw\": 4}\nother -DCFor-> child\n";
    let graph = format!("{}{child}", victim(a, "User", &maps(24)));
    check(&graph, "ADCSESC10a", &[]);
    check(&format!("{graph}child -SameForestTrust-> corp\n"), "ADCSESC10a", &yes);
    check(&format!("{graph}corp -SameForestTrust-> child\n"), "ADCSESC10a", &[]);
    check(&format!("{graph}child -CrossForestTrust-> corp\n"), "ADCSESC10a", &[]);
    check(
        &format!("{graph}corp -TrustedBy-> child {{\"trusttype\": \"ParentChild\"}}\n"),
        "ADCSESC10a",
        &yes,
    );
    check(&format!("{graph}corp -TrustedBy-> child {{\"trusttype\": \"External\"}}\n"), "ADCSESC10a", &[]);
    // Older files say it of authorities.
    let stated = victim(a, "User", "{}");
    check(&stated, "ADCSESC10a", &[]);
    check(&format!("{stated}ca -CanAbuseUPNCertMapping-> dc\n"), "ADCSESC10a", &yes);
}

#[test]
fn victims_of_a_right_that_everyone_holds_are_those_of_the_other_right() {
    let a = r#"{"schannelauthenticationenabled": true, "subjectaltrequireupn": true, "schemaversion": 1}"#;
    let graph =
        victim(a, "User", "{\"certificatemappingmethodsraw\": 4}").replace("staff -Enroll-> ca\n", "");
    let everyone = "Group S-1-5-21-1-2-3-S-1-5-11\nS-1-5-21-1-2-3-S-1-5-11 -Enroll-> ca\n";
    check(&graph, "ADCSESC10a", &[]);
    check(&format!("{graph}{everyone}"), "ADCSESC10a", &[("boss", "corp")]);
}

#[test]
fn esc13_leads_to_the_group_of_the_policy() {
    let facts = r#"{"authenticationenabled": true, "requiresmanagerapproval": false, "schemaversion": 2,
        "authorizedsignatures": 0, "certificatepolicy": ["1.2.3"], "domainsid": "S-1"}"#;
    let build = |facts: &str| {
        let policy = "IssuancePolicy policy {\"certtemplateoid\": \"1.2.3\", \"domainsid\": \"S-1\"}\nGroup admins\n\
            policy -OIDGroupLink-> admins\n";
        format!("{}{ANN}{policy}", corp(facts))
    };
    let graph = build(facts);
    check(&graph, "ADCSESC13", &[("ann", "admins")]);
    check(&graph, "ExtendedByPolicy", &[("t", "policy")]);
    for missing in [
        "policy -OIDGroupLink-> admins\n",
        "ann -Enroll-> ca\n",
        "ann -Enroll-> t\n",
        "ca -TrustedForNTAuth-> store\n",
    ] {
        check(&graph.replace(missing, ""), "ADCSESC13", &[]);
    }
    for broken in [
        r#"{"authenticationenabled": false}"#,
        r#"{"requiresmanagerapproval": true}"#,
        r#"{"authorizedsignatures": 1}"#,
        r#"{"subjectaltrequiredns": true}"#,
        r#"{"certificatepolicy": ["9.9"]}"#,
        r#"{"domainsid": "S-2"}"#,
    ] {
        check(&build(&with(facts, broken)), "ADCSESC13", &[]);
    }
    // The tie may be stated, in either direction.
    let stated = build(&with(facts, r#"{"certificatepolicy": null}"#));
    check(&format!("{stated}t -ExtendedByPolicy-> policy\n"), "ADCSESC13", &[("ann", "admins")]);
    check(&format!("{stated}policy -ExtendedByPolicy-> t\n"), "ADCSESC13", &[("ann", "admins")]);
    // A group of a domain that trusts ours; not of any other.
    let away = format!("{graph}Domain lab\nOU unit\nlab -Contains-> unit\nunit -Contains-> admins\n");
    check(&away, "ADCSESC13", &[]);
    check(&format!("{away}lab -CrossForestTrust-> corp\n"), "ADCSESC13", &[("ann", "admins")]);
    check(&format!("{away}corp -TrustedBy-> lab\n"), "ADCSESC13", &[("ann", "admins")]);
    check(&format!("{away}corp -Contains-> admins\n"), "ADCSESC13", &[("ann", "admins")]);
}

const COERCED: &str = "Domain corp {\"domainsid\": \"S-1-5-21-9\"}\n\
    Group S-1-5-21-9-S-1-5-11 {\"domainsid\": \"S-1-5-21-9\"}\n\
    Computer web {\"domainsid\": \"S-1-5-21-9\", \"restrictoutboundntlm\": false, \"webclientrunning\": true}\n\
    Computer file {\"domainsid\": \"S-1-5-21-9\", \"smbsigning\": false}\n";
const EVERYONE: &str = "S-1-5-21-9-S-1-5-11";

#[test]
fn relay_to_smb_needs_a_coercible_administrator() {
    let graph = format!("{COERCED}Group ops\nweb -MemberOf-> ops\nops -AdminTo-> file\n");
    check(&graph, "CoerceAndRelayNTLMToSMB", &[(EVERYONE, "file")]);
    for (from, to) in [
        ("\"smbsigning\": false", "\"smbsigning\": true"),
        ("\"smbsigning\": false", "\"enabled\": true"),
        ("\"restrictoutboundntlm\": false", "\"restrictoutboundntlm\": true"),
        ("\"restrictoutboundntlm\": false", "\"enabled\": true"),
        ("ops -AdminTo-> file\n", ""),
    ] {
        check(&graph.replace(from, to), "CoerceAndRelayNTLMToSMB", &[]);
    }
    // Protected users cannot be relayed, but in an old domain. A computer is not relayed to itself.
    let protected = format!(
        "{graph}Group S-1-5-21-9-525 {{\"domainsid\": \"S-1-5-21-9\"}}\nweb -MemberOf-> S-1-5-21-9-525\n"
    );
    check(&protected, "CoerceAndRelayNTLMToSMB", &[]);
    let old = protected.replace(
        "{\"domainsid\": \"S-1-5-21-9\"}\nGroup S-1-5-21-9-S",
        "{\"domainsid\": \"S-1-5-21-9\", \"functionallevel\": \"2008 R2\"}\nGroup S-1-5-21-9-S",
    );
    check(&old, "CoerceAndRelayNTLMToSMB", &[(EVERYONE, "file")]);
    let itself = format!("{COERCED}web -AdminTo-> web\n")
        .replace("\"webclientrunning\": true", "\"smbsigning\": false");
    check(&itself, "CoerceAndRelayNTLMToSMB", &[]);
}

#[test]
fn relay_to_ldap_needs_another_controller_that_checks_nothing() {
    let controller = "Computer dc {\"domainsid\": \"S-1-5-21-9\", \"isdc\": true, \"ldapavailable\": true, \
        \"ldapsigning\": false, \"ldapsavailable\": true, \"ldapsepa\": false}\n";
    let graph = format!("{COERCED}{controller}");
    for (kind, breaks) in [
        (
            "CoerceAndRelayNTLMToLDAP",
            [
                ("\"ldapsigning\": false", "\"ldapsigning\": true"),
                ("\"ldapavailable\": true", "\"ldapavailable\": false"),
            ],
        ),
        (
            "CoerceAndRelayNTLMToLDAPS",
            [
                ("\"ldapsepa\": false", "\"ldapsepa\": true"),
                ("\"ldapsavailable\": true", "\"ldapsavailable\": false"),
            ],
        ),
    ] {
        check(&graph, kind, &[(EVERYONE, "web")]);
        for (from, to) in breaks.into_iter().chain([
            ("\"webclientrunning\": true", "\"webclientrunning\": false"),
            ("\"isdc\": true", "\"isdc\": false"),
        ]) {
            check(&graph.replace(from, to), kind, &[]);
        }
    }
    let alone = graph
        .replace(
            "Computer web {",
            "Computer web {\"isdc\": true, \"ldapavailable\": true, \"ldapsigning\": false, ",
        )
        .replace(controller, "");
    check(&alone, "CoerceAndRelayNTLMToLDAP", &[]);
}

#[test]
fn relay_to_an_authority_needs_its_web_enrolment_unprotected() {
    let facts = r#"{"authenticationenabled": true, "schemaversion": 1}"#;
    let pki = corp(facts)
        .replace("Domain corp\n", "")
        .replace("EnterpriseCA ca", "EnterpriseCA ca {\"hasvulnerableendpoint\": true}");
    let graph = format!("{COERCED}{pki}web -Enroll-> t\nweb -Enroll-> ca\n");
    check(&graph, "CoerceAndRelayNTLMToADCS", &[(EVERYONE, "web")]);
    for (from, to) in [
        ("\"hasvulnerableendpoint\": true", "\"hasvulnerableendpoint\": false"),
        ("\"authenticationenabled\":true", "\"authenticationenabled\":false"),
        ("\"restrictoutboundntlm\": false", "\"restrictoutboundntlm\": true"),
        ("web -Enroll-> t\n", ""),
    ] {
        check(&graph.replace(from, to), "CoerceAndRelayNTLMToADCS", &[]);
    }
}

#[test]
fn reasons_name_edges_and_properties() {
    let graph = format!(
        "{}User ann\nGroup staff {{\"name\": \"STAFF@CORP\"}}\nann -Enroll-> ca\nann -MemberOf-> staff\nstaff -Enroll-> t\n",
        corp(ESC1)
    );
    let edges = derived(&graph, &["adcsesc1"]);
    let because = edges[0]["because"].as_array().unwrap();
    let said = |text: &str| because.iter().any(|premise| premise == text);
    for text in [
        "ann -MemberOf-> STAFF@CORP",
        "STAFF@CORP -Enroll-> t",
        "ann -Enroll-> ca",
        "t: enrolleesuppliessubject = true",
        "t -PublishedTo-> ca",
        "ca -IssuedSignedBy-> root",
        "root -RootCAFor-> corp",
        "ca -TrustedForNTAuth-> store",
        "store -NTAuthStoreFor-> corp",
    ] {
        assert!(said(text), "{text} is not in {because:?}");
    }
}

#[test]
fn the_order_of_the_file_changes_nothing() {
    let graph = format!("{}{ANN}User ben\nben -Enroll-> t\nben -Enroll-> ca\n", corp(ESC1));
    let reversed: String = graph.lines().rev().fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(derived(&graph, &[]), derived(&reversed, &[]));
}

#[test]
fn large_directories_are_no_trouble() {
    // A chain of nested groups as deep as the graph, and everyone in all of them.
    let mut graph = String::from("Domain corp\nGroup g0\ng0 -GetChanges-> corp\ng0 -GetChangesAll-> corp\n");
    for depth in 1..20_000 {
        let _ = writeln!(graph, "Group g{depth}\ng{depth} -MemberOf-> g{}", depth - 1);
    }
    check(&graph, "DCSync", &[("g0", "corp")]);
    let graph = graph.replace(
        "g0 -GetChangesAll-> corp\n",
        "User ann\nann -MemberOf-> g19999\nann -GetChangesAll-> corp\n",
    );
    check(&graph, "DCSync", &[("ann", "corp")]);
}

#[test]
fn an_unknown_kind_is_named_with_those_that_are_known() {
    let error = bartizan_graph::derive::Kinds::named(&["ADCSESC99".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("ADCSESC99") && error.contains("ADCSESC10b"), "{error}");
}
