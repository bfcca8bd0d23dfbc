//! Reading authorization details in odd shapes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use bartizan_iam::{Admin, Error, Estate, LastUsed, privileges};
use serde_json::{Value, json};
use support::*;

#[test]
fn pages_are_merged() {
    let first = Details::new().user("eve", json!([])).user_in("staff");
    let second = Details::new().group("staff", json!([everything()])).user("eve", json!([]));
    let (estate, problems) = Estate::from_authorization_details([&first.0, &second.0]).unwrap();
    assert_eq!(problems, []);
    assert_eq!(estate.users.len(), 1);
    assert_eq!(privileges(&estate)[0].admin, Admin::Is);
    // The same as a list, and as one text after the other.
    let list = Value::Array(vec![first.0.clone(), second.0.clone()]);
    let text = format!("{}\n{}", first.0, second.0);
    for text in [list.to_string(), text] {
        let (estate, _) = Estate::parse_authorization_details(&text).unwrap();
        assert_eq!(privileges(&estate)[0].admin, Admin::Is);
    }
    // A policy that only the other file holds.
    let (mut attached, policies) =
        (Details::new().user("eve", json!([])).user_has(&policy_arn("all")).estate(), Details::new());
    assert_eq!(privileges(&attached)[0].admin, Admin::Unknown);
    attached.merge(policies.policy("all", &[json!([everything()])]).estate());
    assert_eq!(privileges(&attached)[0].admin, Admin::Is);
    let mut merged = first.estate();
    merged.merge(second.estate());
    assert_eq!(privileges(&merged)[0].admin, Admin::Is);
}

#[test]
fn what_is_no_export() {
    for text in ["", "7", "{}", "[]", "[1]", r#"{"Users": []}"#] {
        assert!(
            matches!(Estate::parse_authorization_details(text), Err(Error::NotAuthorizationDetails)),
            "{text}"
        );
    }
    assert!(matches!(Estate::parse_authorization_details("{"), Err(Error::NotJson(_))));
}

#[test]
fn odd_records() {
    let details = json!({
        "UserDetailList": [
            7,
            {"UserName": "nameless"},
            {"Arn": user_arn("bare")},
            {"Arn": user_arn("text"), "CreateDate": 1_700_000_000.5, "UserPolicyList": [
                {"PolicyName": "encoded", "PolicyDocument":
                    "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D"},
            ]},
            {"Arn": user_arn("broken"), "UserPolicyList": [{"PolicyName": "p"}]},
        ],
        "RoleDetailList": [
            {"Arn": role_arn("bare")},
            {"Arn": role_arn("used"), "AssumeRolePolicyDocument": document(json!([])),
                "RoleLastUsed": {"LastUsedDate": {"iso": 1}}},
            {"Arn": role_arn("numbered"), "AssumeRolePolicyDocument": document(json!([])),
                "RoleLastUsed": {"LastUsedDate": 1_700_000_000.25, "Region": "eu-west-1"}},
            {"Arn": role_arn("never"), "AssumeRolePolicyDocument": document(json!([])), "RoleLastUsed": {}},
        ],
        "Policies": {"not": "a list"},
        "IsTruncated": false,
    });
    let (estate, problems) = Estate::from_authorization_details([&details]).unwrap();
    let at: Vec<&str> = problems.iter().map(|problem| problem.at.as_str()).collect();
    let broken = format!("{}.UserPolicyList[0]", user_arn("broken"));
    assert_eq!(
        at,
        ["UserDetailList[0]", "UserDetailList[1]", broken.as_str(), &role_arn("bare"), "Policies"]
    );
    let answers: Vec<(String, Admin)> =
        privileges(&estate).into_iter().map(|answer| (answer.principal, answer.admin)).collect();
    for (principal, expect) in [
        (user_arn("bare"), Admin::No),
        (user_arn("text"), Admin::Is),
        (user_arn("broken"), Admin::Unknown),
        (role_arn("bare"), Admin::No),
    ] {
        assert!(answers.contains(&(principal.clone(), expect)), "{principal}: {answers:?}");
    }
    let used: Vec<&LastUsed> = estate.roles.iter().map(|role| &role.last_used).collect();
    assert_eq!(
        used,
        [&LastUsed::Unknown, &LastUsed::Unknown, &LastUsed::At("1700000000.25".into()), &LastUsed::Never]
    );
}
