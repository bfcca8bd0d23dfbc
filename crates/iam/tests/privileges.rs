//! Who is or can become administrator: what is not about one method.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use bartizan_iam::{AccountControls, Admin, Document, Estate, Kind, privileges};
use serde_json::{Value, json};
use support::*;

fn eve(statements: Value) -> Details {
    Details::new().user("eve", statements)
}

fn admin(details: &Details) -> Admin {
    details.admin(&user_arn("eve"))
}

#[test]
fn what_is_administrator() {
    let not = |action: Value| json!({"Effect": "Allow", "NotAction": action, "Resource": "*"});
    let powers = "arn:aws:iam::aws:policy/AdministratorAccess";
    let bound = |statements: Value| {
        eve(json!([everything()])).user_bound(&policy_arn("limits")).policy("limits", &[statements])
    };
    for (line, details, expect) in [
        (line!(), eve(json!([everything()])), Admin::Is),
        (line!(), eve(json!([allow(json!("*:*"), json!("*"))])), Admin::Is),
        (line!(), eve(json!([not(json!("iam:*")), allow(json!("iam:*"), json!("*"))])), Admin::Is),
        (line!(), eve(json!([])).user_has(powers), Admin::Is),
        (line!(), eve(json!([])).user_in("staff").group("staff", json!([everything()])), Admin::Is),
        (line!(), bound(json!([everything()])), Admin::Is),
        (line!(), bound(json!([allow(json!("s3:*"), json!("*"))])), Admin::No),
        (line!(), bound(json!([everything(), deny(json!("iam:*"), json!("*"))])), Admin::No),
        (line!(), eve(json!([everything(), deny(json!("*"), json!("*"))])), Admin::No),
        (line!(), eve(json!([everything(), deny(json!("iam:*"), json!("*"))])), Admin::No),
        // Not everything, but free to make a principal that may do everything.
        (line!(), eve(json!([everything(), deny(json!("s3:DeleteBucket"), json!("*"))])), Admin::Can),
        (line!(), eve(json!([not(json!("s3:*"))])), Admin::Can),
        (line!(), eve(json!([not(json!("iam:*"))])), Admin::No),
        (line!(), eve(json!([allow(json!("*"), json!("arn:aws:s3:::x/*"))])), Admin::No),
        // A policy whose text is not there.
        (line!(), eve(json!([])).user_has("arn:aws:iam::aws:policy/SomethingNew"), Admin::Unknown),
        (
            line!(),
            eve(json!([everything()])).user_bound("arn:aws:iam::aws:policy/SomethingNew"),
            Admin::Unknown,
        ),
        (line!(), eve(json!([])).user_has("arn:aws:iam::aws:policy/AmazonS3FullAccess"), Admin::No),
        (line!(), eve(json!([])).user_in("unlisted"), Admin::Unknown),
    ] {
        assert_eq!(admin(&details), expect, "line {line}: {:?}", details.answer(&user_arn("eve")));
    }
}

#[test]
fn conditions() {
    let put = |condition: Value| eve(json!([allow_if(json!("iam:PutUserPolicy"), json!("*"), condition)]));
    let attach =
        |condition: Value| eve(json!([allow_if(json!("iam:AttachUserPolicy"), json!("*"), condition)]));
    let equals = |key: &str, value: &str| json!({"StringEquals": {key: value}});
    for (line, details, expect) in [
        (line!(), put(json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})), Admin::Unknown),
        (line!(), put(json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})), Admin::Unknown),
        (line!(), put(json!({"Bool": {"aws:SecureTransport": "true"}})), Admin::Can),
        (line!(), put(equals("aws:username", "eve")), Admin::Can),
        (line!(), put(equals("aws:username", "bob")), Admin::No),
        (line!(), put(equals("aws:PrincipalTag/team", "platform")), Admin::No),
        (
            line!(),
            put(equals("aws:PrincipalTag/team", "platform"))
                .user_with("Tags", json!([{"Key": "team", "Value": "platform"}])),
            Admin::Can,
        ),
        (line!(), put(equals("aws:ResourceTag/open", "yes")), Admin::No),
        (line!(), put(equals("iam:PermissionsBoundary", &policy_arn("limits"))), Admin::No),
        (line!(), attach(equals("iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess")), Admin::No),
        (line!(), attach(equals("iam:PolicyARN", "arn:aws:iam::aws:policy/AdministratorAccess")), Admin::Can),
        (
            line!(),
            attach(json!({"ArnLike": {"iam:PolicyARN": policy_arn("team-*")}}))
                .policy("team-admin", &[json!([everything()])]),
            Admin::Can,
        ),
        (
            line!(),
            attach(json!({"ArnLike": {"iam:PolicyARN": policy_arn("team-*")}}))
                .policy("team-read", &[json!([allow(json!("s3:Get*"), json!("*"))])]),
            Admin::No,
        ),
        // Everything, but only with a second factor.
        (
            line!(),
            eve(json!([everything(), {"Effect": "Deny", "NotAction": "iam:ListMFADevices", "Resource": "*",
                "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}])),
            Admin::Unknown,
        ),
        // A certain way beside an uncertain one.
        (
            line!(),
            eve(json!([
                allow_if(
                    json!("iam:PutUserPolicy"),
                    json!("*"),
                    json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})
                ),
                allow(json!("iam:CreateAccessKey"), json!("*"))
            ]))
            .user("root-like", json!([everything()])),
            Admin::Can,
        ),
        (
            line!(),
            eve(json!([allow(json!("sts:AssumeRole"), json!("*"))])).role_with_trust(
                "admin",
                json!([{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole",
                    "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]),
                json!([everything()]),
            ),
            Admin::Unknown,
        ),
        (
            line!(),
            eve(json!([allow(json!("sts:AssumeRole"), json!("*"))])).role_with_trust(
                "admin",
                json!([{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}}]),
                json!([everything()]),
            ),
            Admin::Can,
        ),
        // A region that the caller picks.
        (
            line!(),
            eve(json!([allow_if(
                json!(["lambda:*", "iam:PassRole"]),
                json!("*"),
                equals("aws:RequestedRegion", "eu-west-1")
            )]))
            .service_admin("lambda.amazonaws.com"),
            Admin::Can,
        ),
    ] {
        assert_eq!(admin(&details), expect, "line {line}: {:?}", details.answer(&user_arn("eve")));
    }
    let answer = put(json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})).answer(&user_arn("eve"));
    assert_eq!(answer.open.into_iter().collect::<Vec<_>>(), ["Bool aws:MultiFactorAuthPresent"]);
}

#[test]
fn changing_somebody_else_is_not_enough() {
    let others = json!({"Effect": "Allow", "Action": "iam:PutUserPolicy", "NotResource": user_arn("eve")});
    assert_eq!(admin(&eve(json!([others])).user("bob", json!([]))), Admin::No);
    // With a key to the other one it is.
    let key = allow(json!("iam:CreateAccessKey"), json!(user_arn("bob")));
    let details = eve(json!([others, key])).user("bob", json!([]));
    let answer = details.answer(&user_arn("eve"));
    assert_eq!(answer.admin, Admin::Can);
    let methods: Vec<&str> = answer.steps.iter().map(|step| step.method.as_str()).collect();
    assert_eq!(methods, ["CreateAccessKey", "PutUserPolicy"]);
}

#[test]
fn a_change_behind_a_boundary_goes_on_from_there() {
    let limits =
        json!([allow(json!(["iam:PutUserPolicy", "iam:DeleteUserPermissionsBoundary"]), json!("*"))]);
    let details = eve(json!([allow(json!("iam:PutUserPolicy"), json!("*"))]))
        .user_bound(&policy_arn("limits"))
        .policy("limits", &[limits]);
    let answer = details.answer(&user_arn("eve"));
    assert_eq!(answer.admin, Admin::Can);
    let methods: Vec<&str> = answer.steps.iter().map(|step| step.method.as_str()).collect();
    assert_eq!(methods, ["PutUserPolicy", "DeleteUserPermissionsBoundary"]);
    let tight = json!([allow(json!("iam:PutUserPolicy"), json!("*"))]);
    let details = eve(json!([allow(json!("iam:*"), json!("*"))]))
        .user_bound(&policy_arn("limits"))
        .policy("limits", &[tight]);
    assert_eq!(admin(&details), Admin::No);
}

#[test]
fn a_chain_is_told_step_by_step() {
    let details = eve(json!([allow(json!("sts:AssumeRole"), json!(role_arn("build")))]))
        .role(
            "build",
            json!({"AWS": ACCOUNT}),
            json!([allow(
                json!(["lambda:CreateFunction", "lambda:InvokeFunction", "iam:PassRole"]),
                json!("*")
            )]),
        )
        .role(
            "runner",
            json!({"Service": "lambda.amazonaws.com"}),
            json!([allow(json!("iam:AddUserToGroup"), json!("*"))]),
        )
        .group("admins", json!([everything()]));
    let answer = details.answer(&user_arn("eve"));
    let steps: Vec<(&str, &str)> =
        answer.steps.iter().map(|step| (step.method.as_str(), step.target.as_str())).collect();
    let (build, runner, admins) = (role_arn("build"), role_arn("runner"), group_arn("admins"));
    assert_eq!(
        steps,
        [
            ("AssumeRole", build.as_str()),
            ("PassRole+Lambda", runner.as_str()),
            ("AddUserToGroup", admins.as_str())
        ]
    );
    assert_eq!(answer.method.as_deref(), Some("AssumeRole"));
    assert!(answer.because.contains(&"inline-eve statement 0 allows".to_owned()), "{answer:?}");
    // Only a user can be put into a group: the role alone goes nowhere.
    assert_eq!(details.admin(&role_arn("runner")), Admin::No);
}

#[test]
fn what_runs_is_unknown_when_the_role_was_used() {
    let base = || {
        eve(json!([allow(json!("ssm:SendCommand"), json!("*"))]))
            .service_admin("ec2.amazonaws.com")
            .with_profile()
    };
    let used = json!({"LastUsedDate": "2026-11-01T00:00:00+00:00", "Region": "eu-central-1"});
    let answer = base().role_with("RoleLastUsed", used.clone()).answer(&user_arn("eve"));
    assert_eq!(answer.admin, Admin::Unknown);
    assert_eq!(answer.open.into_iter().collect::<Vec<_>>(), ["whether an instance runs as admin"]);
    assert_eq!(admin(&base()), Admin::No);
    // Somebody looked, and nothing runs.
    let mut estate = base().role_with("RoleLastUsed", used).estate();
    estate.compute = Some(Vec::new());
    assert_eq!(answer_of(&estate), Admin::No);
}

fn answer_of(estate: &Estate) -> Admin {
    answer(estate, &user_arn("eve")).admin
}

#[test]
fn organisation_policies_bind_everybody() {
    let control = |statements: Value| {
        let mut estate =
            eve(json!([everything()])).user("bob", json!([allow(json!("iam:*"), json!("*"))])).estate();
        let (document, problems) = Document::read("scp", Kind::Control, &document(statements));
        assert_eq!(problems, []);
        let controls =
            AccountControls { service_control: vec![vec![document]], ..AccountControls::default() };
        estate.organization.insert(ACCOUNT.to_owned(), controls);
        privileges(&estate).into_iter().map(|answer| answer.admin).collect::<Vec<_>>()
    };
    // Bob comes first, eve second.
    assert_eq!(control(json!([everything()])), [Admin::Can, Admin::Is]);
    let guard = deny(json!("organizations:LeaveOrganization"), json!("*"));
    assert_eq!(control(json!([everything(), guard])), [Admin::Can, Admin::Is]);
    assert_eq!(control(json!([everything(), deny(json!("iam:*"), json!("*"))])), [Admin::No, Admin::No]);
    assert_eq!(control(json!([allow(json!("s3:*"), json!("*"))])), [Admin::No, Admin::No]);
}

#[test]
fn the_order_of_records_does_not_matter() {
    let details = eve(json!([allow(json!("sts:AssumeRole"), json!("*"))]))
        .user("bob", json!([allow(json!("iam:CreateAccessKey"), json!("*"))]))
        .role("a", json!({"AWS": ACCOUNT}), json!([everything()]))
        .role("b", json!({"AWS": ACCOUNT}), json!([everything()]));
    let estate = details.estate();
    let mut reversed = estate.clone();
    reversed.users.reverse();
    reversed.roles.reverse();
    assert_eq!(privileges(&estate), privileges(&reversed));
}

#[test]
fn a_large_estate() {
    // Chains, fans and dead ends: nothing here may be quadratic in a way that shows.
    let mut details = Details::new();
    for at in 0..600 {
        let next = role_arn(&format!("r{}", at + 1));
        details = details.role(
            &format!("r{at}"),
            json!({"AWS": ACCOUNT}),
            json!([allow(json!("sts:AssumeRole"), json!(next))]),
        );
        let low = json!([
            allow(json!(["s3:*", "sts:AssumeRole"]), json!("*")),
            deny(json!("sts:AssumeRole"), json!(role_arn("r*")))
        ]);
        details = details.user(&format!("u{at}"), low);
    }
    assert!(details.answers().iter().all(|answer| answer.admin == Admin::No));
    let details = details.role("r600", json!({"AWS": ACCOUNT}), json!([everything()]));
    let answers = details.answers();
    let can = answers.iter().filter(|answer| answer.admin == Admin::Can).count();
    assert_eq!(can, 600);
    let first = answers.iter().find(|answer| answer.principal == role_arn("r0")).unwrap();
    assert_eq!(first.steps.len(), 600);
}
