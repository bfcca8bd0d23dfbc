//! Laws that every decision keeps, over random policies and requests.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use bartizan_iam::{Caller, Context, Document, Key, Kind, Outcome, Policies, Request, Truth, decide};
use proptest::prelude::*;
use serde_json::{Value, json};

fn action() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "s3:GetObject",
        "s3:PutObject",
        "ec2:RunInstances",
        "iam:PassRole",
        "s3:*",
        "*",
        "s3:Get?bject",
    ])
}

fn resource() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "*",
        "arn:aws:s3:::a/*",
        "arn:aws:s3:::a/b",
        "arn:aws:s3:::${aws:username}/*",
        "arn:aws:s3:::c/?",
    ])
}

fn condition() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["aws:username", "aws:absent", "aws:unknown", "aws:free"]);
    let operator = prop::sample::select(vec![
        "StringEquals",
        "StringNotLike",
        "StringEqualsIfExists",
        "ForAllValues:StringLike",
        "ForAnyValue:StringEquals",
        "Null",
        "Bool",
        "Strange",
    ]);
    let value = prop::sample::select(vec!["ann", "a*", "true", "false"]);
    prop_oneof![
        3 => Just(Value::Null),
        2 => (key, operator, value).prop_map(|(key, operator, value)| json!({operator: {key: value}})),
    ]
}

fn statement(effect: &'static str) -> impl Strategy<Value = Value> {
    (action(), any::<bool>(), resource(), any::<bool>(), condition(), 0..20).prop_map(
        move |(action, not_action, resource, not_resource, condition, broken)| {
            let mut statement = json!({"Effect": effect});
            statement[if not_action { "NotAction" } else { "Action" }] = json!(action);
            statement[if not_resource { "NotResource" } else { "Resource" }] = json!(resource);
            if !condition.is_null() {
                statement["Condition"] = condition;
            }
            match broken {
                0 => statement["Action"] = json!(7),
                1 => statement["Extra"] = json!("x"),
                _ => {}
            }
            statement
        },
    )
}

fn statements() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(
        prop_oneof![3 => statement("Allow"), 1 => statement("Deny"), 1 => statement("?")],
        0..6,
    )
}

fn read(statements: &[Value]) -> Document {
    Document::read("p", Kind::Identity, &json!({"Version": "2012-10-17", "Statement": statements})).0
}

#[derive(Debug, Clone, Copy)]
struct Ask {
    action: &'static str,
    resource: &'static str,
}

fn ask() -> impl Strategy<Value = Ask> {
    (
        prop::sample::select(vec!["s3:GetObject", "S3:PUTOBJECT", "ec2:RunInstances", "iam:PassRole"]),
        prop::sample::select(vec!["arn:aws:s3:::a/b", "arn:aws:s3:::ann/x", "arn:aws:s3:::c/dd", "*"]),
    )
        .prop_map(|(action, resource)| Ask { action, resource })
}

fn outcome(identity: &[Value], boundary: Option<&[Value]>, ask: Ask) -> Outcome {
    let (identity, boundary) = (read(identity), boundary.map(read));
    let policies = Policies { identity: vec![&identity], boundary: boundary.as_ref(), ..Policies::default() };
    let caller = Caller::from_arn("arn:aws:iam::111122223333:user/ann").unwrap();
    let mut context = Context::new();
    context.value("aws:username", "ann").absent("aws:absent").set("aws:free", Key::Free);
    decide(&Request::new(&caller, ask.action, ask.resource, &context), &policies).outcome
}

/// More access is a greater number.
fn access(outcome: Outcome) -> Truth {
    outcome.truth()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_deny_of_everything_always_wins(mut list in statements(), at in any::<prop::sample::Index>(), ask in ask()) {
        list.insert(at.index(list.len() + 1), json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
        prop_assert_eq!(outcome(&list, None, ask), Outcome::ExplicitDeny);
    }

    #[test]
    fn a_deny_never_adds_access(list in statements(), more in statement("Deny"), ask in ask()) {
        let before = access(outcome(&list, None, ask));
        let mut list = list;
        list.push(more);
        prop_assert!(access(outcome(&list, None, ask)) <= before);
    }

    #[test]
    fn an_allow_never_removes_access(list in statements(), more in statement("Allow"), ask in ask()) {
        let before = access(outcome(&list, None, ask));
        let mut list = list;
        list.push(more);
        prop_assert!(access(outcome(&list, None, ask)) >= before);
    }

    #[test]
    fn order_does_not_matter(list in statements(), seed in any::<u64>(), ask in ask()) {
        let mut shuffled = list.clone();
        let length = shuffled.len().max(1);
        for at in 0..shuffled.len() {
            let other = (seed.rotate_left(at as u32 * 7) as usize) % length;
            shuffled.swap(at, other);
        }
        prop_assert_eq!(outcome(&list, None, ask), outcome(&shuffled, None, ask));
    }

    #[test]
    fn a_boundary_never_adds_access(list in statements(), boundary in statements(), ask in ask()) {
        prop_assert!(access(outcome(&list, Some(&boundary), ask)) <= access(outcome(&list, None, ask)));
    }

    #[test]
    fn reading_never_panics(text in ".*", start in r#"\{"Version":"2012-10-17","Statement":[^\u{0}]{0,60}"#) {
        for text in [text, start] {
            for kind in [Kind::Identity, Kind::Control, Kind::Resource, Kind::Trust] {
                let _ = Document::parse("p", kind, &text);
            }
            let _ = bartizan_iam::Estate::parse_authorization_details(&text);
        }
    }
}
