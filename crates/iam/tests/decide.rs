//! Decisions: every condition operator, every layer, every way of naming a principal.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use bartizan_iam::{
    Caller, Context, Decision, Document, Key, Kind, Layer, Outcome, Policies, Request, decide,
};
use serde_json::{Value, json};

const ANN: &str = "arn:aws:iam::111122223333:user/ann";
const APP: &str = "arn:aws:iam::111122223333:role/app";

fn read(kind: Kind, statements: Value) -> Document {
    let value = json!({"Version": "2012-10-17", "Statement": statements});
    let (document, problems) = Document::read("policy", kind, &value);
    assert_eq!(problems, [], "{value}");
    document
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn deny(action: &str, resource: &str) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

/// The layers of one request; `null` leaves a layer out.
#[derive(Clone)]
struct Layers {
    identity: Value,
    boundary: Value,
    session: Value,
    service_control: Vec<Value>,
    resource_control: Vec<Value>,
    resource: Value,
    must_allow: bool,
}

impl Layers {
    fn identity(statements: Value) -> Self {
        Self {
            identity: statements,
            boundary: Value::Null,
            session: Value::Null,
            service_control: Vec::new(),
            resource_control: Vec::new(),
            resource: Value::Null,
            must_allow: false,
        }
    }

    fn boundary(mut self, statements: Value) -> Self {
        self.boundary = statements;
        self
    }

    fn session(mut self, statements: Value) -> Self {
        self.session = statements;
        self
    }

    fn resource(mut self, statements: Value) -> Self {
        self.resource = statements;
        self
    }

    fn required(mut self) -> Self {
        self.must_allow = true;
        self
    }

    fn decide(&self, caller: &str, action: &str, resource: &str, context: &Context<'_>) -> Decision {
        let read_if = |kind, value: &Value| (!value.is_null()).then(|| read(kind, value.clone()));
        let identity = read_if(Kind::Identity, &self.identity);
        let boundary = read_if(Kind::Identity, &self.boundary);
        let session = read_if(Kind::Identity, &self.session);
        let policy = read_if(if self.must_allow { Kind::Trust } else { Kind::Resource }, &self.resource);
        let service_control: Vec<Document> =
            self.service_control.iter().map(|value| read(Kind::Control, value.clone())).collect();
        let resource_control: Vec<Document> =
            self.resource_control.iter().map(|value| read(Kind::Control, value.clone())).collect();
        let policies = Policies {
            identity: identity.iter().collect(),
            boundary: boundary.as_ref(),
            session: session.as_ref(),
            service_control: service_control.iter().map(|level| vec![level]).collect(),
            resource_control: resource_control.iter().map(|level| vec![level]).collect(),
            resource: policy.as_ref(),
            resource_must_allow: self.must_allow,
        };
        let caller = Caller::from_arn(caller).unwrap();
        decide(&Request::new(&caller, action, resource, context), &policies)
    }

    fn outcome(&self, caller: &str) -> Outcome {
        self.decide(caller, "s3:GetObject", "arn:aws:s3:::data/key", &Context::new()).outcome
    }
}

#[test]
fn identity_policies() {
    use Outcome::{Allow, ExplicitDeny, ImplicitDeny};
    for (statements, expect) in [
        (json!([allow("s3:GetObject", "arn:aws:s3:::data/*")]), Allow),
        (json!([allow("S3:getobject", "arn:aws:s3:::data/key")]), Allow),
        (json!([allow("s3:Get?bject", "arn:aws:s3:::data/ke?")]), Allow),
        (json!([allow("*", "*")]), Allow),
        (json!([allow("s3:*", "arn:aws:s3:::DATA/*")]), ImplicitDeny),
        (json!([allow("s3:PutObject", "*")]), ImplicitDeny),
        (json!([allow("s3:GetObject", "arn:aws:s3:::data")]), ImplicitDeny),
        (json!([]), ImplicitDeny),
        (json!([allow("*", "*"), deny("s3:*", "*")]), ExplicitDeny),
        (json!([deny("s3:Get*", "arn:aws:s3:::data/*"), allow("*", "*")]), ExplicitDeny),
        (json!([allow("*", "*"), deny("s3:*", "arn:aws:s3:::other/*")]), Allow),
        (json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]), Allow),
        (json!([{"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"}]), ImplicitDeny),
        (json!([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::data/*"}]), ImplicitDeny),
        (json!([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::other/*"}]), Allow),
        (json!([allow("*", "*"), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}]), Allow),
        (json!([allow("*", "*"), {"Effect": "Deny", "NotAction": "ec2:*", "Resource": "*"}]), ExplicitDeny),
        (
            json!([allow("*", "*"), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::data/*"}]),
            Allow,
        ),
    ] {
        assert_eq!(Layers::identity(statements.clone()).outcome(ANN), expect, "{statements}");
    }
}

/// Key values in the request, condition, what the allow comes to.
#[test]
fn condition_operators() {
    let yes = Outcome::Allow;
    let no = Outcome::ImplicitDeny;
    let unknown = Outcome::Unknown;
    let key = "aws:k";
    let present = |list: &[&str]| Key::Values(list.iter().map(|text| (*text).to_owned()).collect());
    let one = |text: &str| present(&[text]);
    let table: Vec<(Key, Value, Outcome)> = vec![
        (one("a"), json!({"StringEquals": {key: "a"}}), yes),
        (one("a"), json!({"StringEquals": {key: ["b", "a"]}}), yes),
        (one("A"), json!({"StringEquals": {key: "a"}}), no),
        (one("a*"), json!({"StringEquals": {key: "a*"}}), yes),
        (one("ab"), json!({"StringEquals": {key: "a*"}}), no),
        (one("a"), json!({"StringEquals": {"AWS:K": "a"}}), yes),
        (Key::Absent, json!({"StringEquals": {key: "a"}}), no),
        (Key::Unknown, json!({"StringEquals": {key: "a"}}), unknown),
        (Key::Free, json!({"StringEquals": {key: "a"}}), yes),
        (one("a"), json!({"StringNotEquals": {key: "a"}}), no),
        (one("c"), json!({"StringNotEquals": {key: ["a", "b"]}}), yes),
        (one("b"), json!({"StringNotEquals": {key: ["a", "b"]}}), no),
        (Key::Absent, json!({"StringNotEquals": {key: "a"}}), yes),
        (Key::Unknown, json!({"StringNotEquals": {key: "a"}}), unknown),
        (one("A"), json!({"StringEqualsIgnoreCase": {key: "a"}}), yes),
        (one("A"), json!({"StringNotEqualsIgnoreCase": {key: "a"}}), no),
        (one("abc"), json!({"StringLike": {key: "a*"}}), yes),
        (one("abc"), json!({"StringLike": {key: "a?"}}), no),
        (one("abc"), json!({"StringNotLike": {key: "a*"}}), no),
        (one("xbc"), json!({"StringNotLike": {key: "a*"}}), yes),
        (one("10"), json!({"NumericEquals": {key: "10"}}), yes),
        (one("10"), json!({"NumericEquals": {key: 10}}), yes),
        (one("10.0"), json!({"NumericEquals": {key: "10"}}), yes),
        (one("9"), json!({"NumericNotEquals": {key: "10"}}), yes),
        (one("9"), json!({"NumericLessThan": {key: "10"}}), yes),
        (one("10"), json!({"NumericLessThan": {key: "10"}}), no),
        (one("10"), json!({"NumericLessThanEquals": {key: "10"}}), yes),
        (one("11"), json!({"NumericGreaterThan": {key: "10"}}), yes),
        (one("10"), json!({"NumericGreaterThan": {key: "10"}}), no),
        (one("10"), json!({"NumericGreaterThanEquals": {key: "10"}}), yes),
        (one("ten"), json!({"NumericEquals": {key: "10"}}), unknown),
        (one("2026-03-01T00:00:00Z"), json!({"DateEquals": {key: "2026-03-01T01:00:00+01:00"}}), yes),
        (one("2026-03-01T00:00:00Z"), json!({"DateNotEquals": {key: "2026-03-02"}}), yes),
        (one("2026-03-01T00:00:00Z"), json!({"DateLessThan": {key: "2026-03-02T00:00:00Z"}}), yes),
        (one("2026-03-01T00:00:00Z"), json!({"DateLessThanEquals": {key: "2026-03-01"}}), yes),
        (one("2026-03-01T00:00:00Z"), json!({"DateGreaterThan": {key: "1700000000"}}), yes),
        (one("2026-03-01T00:00:00Z"), json!({"DateGreaterThanEquals": {key: "2026-03-02"}}), no),
        (one("true"), json!({"Bool": {key: "true"}}), yes),
        (one("true"), json!({"Bool": {key: true}}), yes),
        (one("false"), json!({"Bool": {key: "true"}}), no),
        (Key::Absent, json!({"Bool": {key: "false"}}), no),
        (Key::Absent, json!({"BoolIfExists": {key: "false"}}), yes),
        (one("true"), json!({"BoolIfExists": {key: "false"}}), no),
        (Key::Unknown, json!({"BoolIfExists": {key: "false"}}), unknown),
        (one("QmluYXJ5"), json!({"BinaryEquals": {key: "QmluYXJ5"}}), yes),
        (one("QmluYXJ6"), json!({"BinaryEquals": {key: "QmluYXJ5"}}), no),
        (one("203.0.113.7"), json!({"IpAddress": {key: "203.0.113.0/24"}}), yes),
        (one("203.0.113.7"), json!({"IpAddress": {key: ["198.51.100.0/24", "203.0.113.7"]}}), yes),
        (one("203.0.114.7"), json!({"IpAddress": {key: "203.0.113.0/24"}}), no),
        (one("2001:db8::7"), json!({"IpAddress": {key: "2001:db8::/32"}}), yes),
        (one("203.0.114.7"), json!({"NotIpAddress": {key: "203.0.113.0/24"}}), yes),
        (one("203.0.113.7"), json!({"NotIpAddress": {key: "203.0.113.0/24"}}), no),
        (one(ANN), json!({"ArnEquals": {key: "arn:aws:iam::*:user/a*"}}), yes),
        (one(ANN), json!({"ArnLike": {key: "arn:aws:iam::111122223333:user/???"}}), yes),
        (one(ANN), json!({"ArnLike": {key: "arn:aws:*:user/ann"}}), no),
        (one(ANN), json!({"ArnLike": {key: "*"}}), yes),
        (one(ANN), json!({"ArnNotEquals": {key: "arn:aws:iam::*:user/b*"}}), yes),
        (one(ANN), json!({"ArnNotLike": {key: "arn:aws:iam::*:user/a*"}}), no),
        (Key::Absent, json!({"ArnNotLike": {key: "arn:aws:iam::*:user/a*"}}), yes),
        (Key::Absent, json!({"Null": {key: "true"}}), yes),
        (one("a"), json!({"Null": {key: "true"}}), no),
        (one("a"), json!({"Null": {key: false}}), yes),
        (Key::Unknown, json!({"Null": {key: "true"}}), unknown),
        (one("a"), json!({"StringEqualsIfExists": {key: "a"}}), yes),
        (one("b"), json!({"StringEqualsIfExists": {key: "a"}}), no),
        (Key::Absent, json!({"StringEqualsIfExists": {key: "a"}}), yes),
        (present(&["a", "b"]), json!({"ForAllValues:StringEquals": {key: ["a", "b", "c"]}}), yes),
        (present(&["a", "d"]), json!({"ForAllValues:StringEquals": {key: ["a", "b", "c"]}}), no),
        (Key::Absent, json!({"ForAllValues:StringEquals": {key: "a"}}), yes),
        (present(&["a", "d"]), json!({"ForAnyValue:StringEquals": {key: ["a", "b"]}}), yes),
        (present(&["c", "d"]), json!({"ForAnyValue:StringEquals": {key: ["a", "b"]}}), no),
        (Key::Absent, json!({"ForAnyValue:StringEquals": {key: "a"}}), no),
        (Key::Absent, json!({"ForAnyValue:StringNotEquals": {key: "a"}}), no),
        (present(&["a", "d"]), json!({"ForAnyValue:StringNotEquals": {key: "a"}}), yes),
        (present(&["a", "d"]), json!({"ForAllValues:StringNotEquals": {key: "a"}}), no),
        (present(&["a", "d"]), json!({"ForAnyValue:StringLike": {key: "D*"}}), no),
        (Key::Unknown, json!({"ForAllValues:StringEquals": {key: "a"}}), unknown),
        // Several operators and keys: all have to hold.
        (one("a"), json!({"StringEquals": {key: "a"}, "StringLike": {"aws:absent": "x"}}), no),
        (one("b"), json!({"StringEquals": {key: "a", "aws:unknown": "x"}}), no),
        (one("a"), json!({"StringEquals": {key: "a", "aws:unknown": "x"}}), unknown),
        // Variables.
        (one("ann"), json!({"StringEquals": {key: "${aws:username}"}}), yes),
        (one("bob"), json!({"StringEquals": {key: "${aws:username}"}}), no),
        (one("x-ann-y"), json!({"StringLike": {key: "*-${aws:username}-*"}}), yes),
        (one("x"), json!({"StringEquals": {key: "${aws:absent}"}}), no),
        (one("team"), json!({"StringEquals": {key: "${aws:absent, 'team'}"}}), yes),
        (one("x"), json!({"StringEquals": {key: "${aws:unknown}"}}), unknown),
    ];
    for (state, condition, expect) in table {
        let mut context = Context::new();
        context.set(key, state.clone()).value("aws:username", "ann").absent("aws:absent");
        let statement = json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}]);
        let decision = Layers::identity(statement).decide(ANN, "s3:GetObject", "*", &context);
        assert_eq!(decision.outcome, expect, "{state:?} against {condition}");
        assert_eq!(decision.open.is_empty(), expect != unknown, "{condition}");
        // As a deny under an allow of everything: the mirror image.
        let statements = json!([
            allow("*", "*"),
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
        ]);
        let decision = Layers::identity(statements).decide(ANN, "s3:GetObject", "*", &context);
        let mirrored = match expect {
            // What the caller picks freely, it picks so that it is not denied.
            _ if state == Key::Free => Outcome::Allow,
            Outcome::Allow => Outcome::ExplicitDeny,
            Outcome::ImplicitDeny => Outcome::Allow,
            other => other,
        };
        assert_eq!(decision.outcome, mirrored, "deny with {state:?} against {condition}");
    }
}

#[test]
fn a_free_key_cannot_be_two_things() {
    let mut context = Context::new();
    context.set("sts:RoleSessionName", Key::Free);
    let condition = |value: &str| json!({"StringEquals": {"sts:RoleSessionName": value}});
    let statements = json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition("a")},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition("a")}
    ]);
    let decision = Layers::identity(statements).decide(ANN, "s3:GetObject", "*", &context);
    assert_eq!(decision.outcome, Outcome::Unknown);
}

#[test]
fn the_older_language_has_no_variables() {
    let value =
        json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:username}"}});
    let (document, problems) = Document::read("old", Kind::Identity, &value);
    assert_eq!(problems, []);
    let policies = Policies { identity: vec![&document], ..Policies::default() };
    let caller = Caller::from_arn(ANN).unwrap();
    let mut context = Context::new();
    context.value("aws:username", "ann");
    let outcome =
        |resource| decide(&Request::new(&caller, "s3:ListBucket", resource, &context), &policies).outcome;
    assert_eq!(outcome("arn:aws:s3:::ann"), Outcome::ImplicitDeny);
    assert_eq!(outcome("arn:aws:s3:::${aws:username}"), Outcome::Allow);
}

#[test]
fn layers_within_one_account() {
    use Outcome::{Allow, ExplicitDeny, ImplicitDeny, Unknown};
    let all = || json!([allow("*", "*")]);
    let get = || json!([allow("s3:GetObject", "*")]);
    let other = || json!([allow("ec2:*", "*")]);
    let none = || json!([]);
    let maybe = || {
        json!([{"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}])
    };
    let to = |principal: Value| json!([{"Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": "*"}]);
    let stop = |principal: Value| json!([{"Effect": "Deny", "Principal": principal, "Action": "s3:*", "Resource": "*"}]);
    let ann = || json!({"AWS": ANN});
    let app = || json!({"AWS": APP});
    let root = || json!({"AWS": "arn:aws:iam::111122223333:root"});
    let number = || json!({"AWS": "111122223333"});
    let stranger = || json!({"AWS": "arn:aws:iam::111122223333:user/bob"});
    let session = || json!({"AWS": "arn:aws:sts::111122223333:assumed-role/app/s"});
    let base = Layers::identity;
    for (line, layers, caller, expect) in [
        (line!(), base(all()).boundary(get()), ANN, Allow),
        (line!(), base(all()).boundary(other()), ANN, ImplicitDeny),
        (line!(), base(none()).boundary(all()), ANN, ImplicitDeny),
        (line!(), base(all()).boundary(json!([allow("*", "*"), deny("s3:*", "*")])), ANN, ExplicitDeny),
        (line!(), base(all()).boundary(maybe()), ANN, Unknown),
        (line!(), base(none()).boundary(maybe()), ANN, ImplicitDeny),
        (line!(), base(all()).session(get()), APP, Allow),
        (line!(), base(all()).session(other()), APP, ImplicitDeny),
        (line!(), base(maybe()), ANN, Unknown),
        // Resource policies add, whoever is named.
        (line!(), base(none()).resource(to(ann())), ANN, Allow),
        (line!(), base(none()).resource(to(app())), APP, Allow),
        (line!(), base(none()).resource(to(json!("*"))), ANN, Allow),
        (line!(), base(none()).resource(to(json!({"AWS": "*"}))), APP, Allow),
        (line!(), base(none()).resource(to(stranger())), ANN, ImplicitDeny),
        (line!(), base(get()).resource(to(stranger())), ANN, Allow),
        // The account only hands on.
        (line!(), base(none()).resource(to(root())), ANN, ImplicitDeny),
        (line!(), base(none()).resource(to(number())), APP, ImplicitDeny),
        (line!(), base(get()).resource(to(root())), ANN, Allow),
        // A boundary does not hold back a user who is named, but a role.
        (line!(), base(none()).boundary(other()).resource(to(ann())), ANN, Allow),
        (line!(), base(none()).boundary(other()).resource(to(app())), APP, ImplicitDeny),
        (line!(), base(none()).boundary(all()).resource(to(app())), APP, Allow),
        (line!(), base(none()).session(other()).resource(to(app())), APP, ImplicitDeny),
        (line!(), base(none()).boundary(other()).resource(to(json!("*"))), APP, Allow),
        // Which session it is, is not known.
        (line!(), base(none()).resource(to(session())), APP, Unknown),
        // Denies of the resource.
        (line!(), base(all()).resource(stop(ann())), ANN, ExplicitDeny),
        (line!(), base(all()).resource(stop(root())), ANN, ExplicitDeny),
        (line!(), base(all()).resource(stop(json!("*"))), APP, ExplicitDeny),
        (line!(), base(all()).resource(stop(stranger())), ANN, Allow),
        (line!(), base(all()).resource(stop(session())), APP, Unknown),
        // Where the resource policy must allow.
        (line!(), base(all()).required(), ANN, ImplicitDeny),
        (line!(), base(all()).resource(to_trust(root())).required(), ANN, Allow),
        (line!(), base(none()).resource(to_trust(root())).required(), ANN, ImplicitDeny),
        (line!(), base(none()).resource(to_trust(ann())).required(), ANN, Allow),
        (line!(), base(none()).boundary(other()).resource(to_trust(app())).required(), APP, ImplicitDeny),
        (line!(), base(all()).resource(to_trust(stranger())).required(), ANN, ImplicitDeny),
    ] {
        assert_eq!(layers.outcome(caller), expect, "line {line}");
    }
}

fn to_trust(principal: Value) -> Value {
    json!([{"Effect": "Allow", "Principal": principal, "Action": "s3:*"}])
}

#[test]
fn not_principal() {
    use Outcome::{Allow, ExplicitDeny, Unknown};
    let but = |names: Value| json!([{"Effect": "Deny", "NotPrincipal": {"AWS": names}, "Action": "s3:*", "Resource": "*"}]);
    let all = || Layers::identity(json!([allow("*", "*")]));
    let root = "arn:aws:iam::111122223333:root";
    for (names, caller, expect) in [
        (json!([ANN, root]), ANN, Allow),
        (json!([ANN, root]), "arn:aws:iam::111122223333:user/bob", ExplicitDeny),
        (json!([root]), ANN, ExplicitDeny),
        // Without the account, the guide says, it might deny.
        (json!([ANN]), ANN, Unknown),
        (json!([APP, root]), APP, Unknown),
    ] {
        assert_eq!(all().resource(but(names.clone())).outcome(caller), expect, "{names}");
    }
}

#[test]
fn across_accounts() {
    use Outcome::{Allow, ExplicitDeny, ImplicitDeny};
    let foreign = "arn:aws:iam::999988887777:role/partner";
    let queue = "arn:aws:sqs:eu-central-1:111122223333:jobs";
    let all = json!([allow("*", "*")]);
    let to = |principal: &str| json!([{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "*", "Resource": "*"}]);
    let ask = |layers: &Layers| layers.decide(foreign, "sqs:SendMessage", queue, &Context::new());
    let both = Layers::identity(all.clone()).resource(to(foreign));
    assert_eq!(ask(&both).outcome, Allow);
    assert_eq!(ask(&Layers::identity(all.clone()).resource(to("999988887777"))).outcome, Allow);
    assert_eq!(ask(&Layers::identity(all.clone()).resource(to("*"))).outcome, Allow);
    // One side is not enough.
    let theirs = ask(&Layers::identity(all.clone()));
    assert_eq!((theirs.outcome, theirs.missing), (ImplicitDeny, Some(Layer::Resource)));
    let ours = ask(&Layers::identity(json!([])).resource(to(foreign)));
    assert_eq!((ours.outcome, ours.missing), (ImplicitDeny, Some(Layer::Identity)));
    let bound = both.clone().boundary(json!([allow("s3:*", "*")]));
    assert_eq!(ask(&bound).missing, Some(Layer::Boundary));
    let denied = Layers::identity(json!([allow("*", "*"), deny("sqs:*", "*")])).resource(to(foreign));
    assert_eq!(ask(&denied).outcome, ExplicitDeny);
}

#[test]
fn organisation_policies() {
    let all = json!([allow("*", "*")]);
    let with = |service: Vec<Value>, resource: Vec<Value>| {
        let mut layers = Layers::identity(all.clone());
        (layers.service_control, layers.resource_control) = (service, resource);
        layers.decide(ANN, "s3:GetObject", "arn:aws:s3:::data/key", &Context::new())
    };
    let full = all.clone();
    let only_ec2 = json!([allow("ec2:*", "*")]);
    let no_s3 = json!([allow("*", "*"), deny("s3:*", "*")]);
    assert_eq!(with(vec![full.clone(), full.clone()], vec![]).outcome, Outcome::Allow);
    // Every level has to allow.
    let missing = with(vec![full.clone(), only_ec2], vec![]);
    assert_eq!((missing.outcome, missing.missing), (Outcome::ImplicitDeny, Some(Layer::ServiceControl)));
    assert_eq!(with(vec![no_s3.clone(), full.clone()], vec![]).outcome, Outcome::ExplicitDeny);
    let everyone =
        |effect: &str| json!([{"Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "*"}]);
    assert_eq!(with(vec![], vec![everyone("Allow")]).outcome, Outcome::Allow);
    assert_eq!(with(vec![], vec![everyone("Deny")]).outcome, Outcome::ExplicitDeny);
    // SCPs hold back a user whom a resource policy names, too.
    let mut layers = Layers::identity(json!([])).resource(json!([
        {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "*", "Resource": "*"}
    ]));
    layers.service_control = vec![no_s3];
    assert_eq!(layers.outcome(ANN), Outcome::ExplicitDeny);
    layers.service_control = vec![json!([allow("ec2:*", "*")])];
    assert_eq!(layers.outcome(ANN), Outcome::ImplicitDeny);
}

#[test]
fn what_cannot_be_read_is_unknown() {
    use Outcome::{ExplicitDeny, ImplicitDeny, Unknown};
    let all = allow("*", "*");
    for (statements, expect) in [
        (json!([all, {"Effect": "Deny", "Action": 7, "Resource": "*"}]), Unknown),
        (json!([all, {"Effect": "Deny", "Action": "s3:*", "Resource": {"a": 1}}]), Unknown),
        (json!([all, {"Effect": "Deny", "Action": "s3:*"}]), Unknown),
        (json!([all, {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": 1}]), Unknown),
        (
            json!([all, {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Sounds": {"k": "x"}}}]),
            Unknown,
        ),
        (json!([all, {"Effect": "deny", "Action": "s3:*", "Resource": "*"}]), Unknown),
        (json!([all, {"Effect": "deny", "Action": "ec2:*", "Resource": "*"}]), Outcome::Allow),
        (json!([all, "nonsense"]), Unknown),
        (json!([all, {"effect": "Deny", "action": "*", "resource": "*"}]), Unknown),
        (json!([all, deny("*", "*"), "nonsense"]), ExplicitDeny),
        (json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": 7}]), ImplicitDeny),
        (json!([{"Effect": "Allow", "Action": "s3:*", "Resource": 7}]), Unknown),
        (json!("nonsense"), Unknown),
    ] {
        let value = json!({"Version": "2012-10-17", "Statement": statements});
        let (document, problems) = Document::read("policy", Kind::Identity, &value);
        assert!(!problems.is_empty(), "{value}");
        let policies = Policies { identity: vec![&document], ..Policies::default() };
        let caller = Caller::from_arn(ANN).unwrap();
        let context = Context::new();
        let request = Request::new(&caller, "s3:GetObject", "*", &context);
        assert_eq!(decide(&request, &policies).outcome, expect, "{value}");
    }
}

#[test]
fn documents_in_the_shapes_of_the_apis() {
    let plain = r#"{"Version":"2012-10-17","Statement":{"Sid":"Get","Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
    let encoded = plain.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    let partly = plain.replace('{', "%7B").replace('"', "%22").replace('}', "%7D");
    let quoted = serde_json::to_string(plain).unwrap();
    for text in [plain, &encoded, &partly, &quoted] {
        let (document, problems) = Document::parse("p", Kind::Identity, text);
        assert_eq!(problems, [], "{text}");
        let policies = Policies { identity: vec![&document], ..Policies::default() };
        let caller = Caller::from_arn(ANN).unwrap();
        let context = Context::new();
        let decision = decide(&Request::new(&caller, "s3:GetObject", "*", &context), &policies);
        assert_eq!(decision.outcome, Outcome::Allow, "{text}");
        assert_eq!(decision.because[0].to_string(), "p statement Get allows");
    }
    for text in ["", "[]", "7", "{", "%7", "%zz", "\"\\\"x\\\"\"", "{}"] {
        let (document, problems) = Document::parse("p", Kind::Identity, text);
        assert_eq!(problems.len(), 1, "{text}");
        assert!(document.denies_something(), "{text}");
    }
}

#[test]
fn an_unknown_decision_names_what_it_hangs_on() {
    let statements = json!([
        {"Sid": "Office", "Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}},
        {"Sid": "Guard", "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}
    ]);
    let decision = Layers::identity(statements).decide(ANN, "s3:GetObject", "*", &Context::new());
    assert_eq!(decision.outcome, Outcome::Unknown);
    let open: Vec<&str> = decision.open.iter().map(String::as_str).collect();
    assert_eq!(open, ["BoolIfExists aws:MultiFactorAuthPresent", "IpAddress aws:SourceIp"]);
    let sids: Vec<_> = decision.because.iter().filter_map(|citation| citation.sid.as_deref()).collect();
    assert_eq!(sids, ["Office", "Guard"]);
}
