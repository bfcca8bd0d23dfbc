//! The example scope of this crate: it reads without a mistake, uses every section, and places
//! assets as its comments say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

use bartizan_model::{AssetKind, Attributes, FixKind, Identifier};
use bartizan_scope::{AssetView, Method, Placement, Refusal, Scope};

fn file(path: &str) -> Result<String, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/");
    std::fs::read_to_string(format!("{folder}{path}")).map_err(|error| error.to_string())
}

fn scope() -> Scope {
    Scope::load("bartizan.yaml", &file).unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

/// An asset written as text: `kind name identifier identifier…` and its attributes as JSON.
struct Asset {
    kind: AssetKind,
    name: String,
    identifiers: Vec<Identifier>,
    attributes: Attributes,
}

impl Asset {
    fn new(text: &str, attributes: &str) -> Self {
        let mut words = text.split_whitespace();
        Self {
            kind: AssetKind::parse(words.next().unwrap()).unwrap(),
            name: words.next().unwrap().to_owned(),
            identifiers: words.map(|word| Identifier::parse(word).unwrap()).collect(),
            attributes: serde_json::from_str(attributes).unwrap(),
        }
    }

    fn view(&self) -> AssetView<'_> {
        AssetView {
            kind: self.kind,
            name: &self.name,
            identifiers: &self.identifiers,
            attributes: &self.attributes,
            owner: None,
        }
    }

    fn place<'s>(&self, scope: &'s Scope) -> Placement<'s> {
        scope.classify(&self.view())
    }
}

#[test]
fn everything_is_read() {
    insta::assert_json_snapshot!(scope());
}

#[test]
fn assets_are_placed() {
    let scope = scope();
    let placed: Vec<_> = [
        ("data-store brambleford-customer-exports", "{}"),
        ("workload shop-api-7f", r#"{"tags": {"app": "shop", "pci": "yes"}}"#),
        ("repository shop-api repository-url:git@git.brambleford.example:freight/shop-api.git", "{}"),
        ("host ci-2 ip:10.30.0.9", "{}"),
        ("host proxy-1 ip:10.20.0.4", "{}"),
        ("host crane-9 ip:192.0.2.77", "{}"),
        ("application payroll", r#"{"tags": {"hosted-by": "vendor"}}"#),
        ("account m.fern", r#"{"mfa": "sms"}"#),
        ("account j.ash", r#"{"mfa": "fido2"}"#),
    ]
    .into_iter()
    .map(|(text, attributes)| {
        let asset = Asset::new(text, attributes);
        (text, serde_json::to_value(asset.place(&scope)).unwrap())
    })
    .collect();
    insta::assert_json_snapshot!(placed);
}

#[test]
fn validation_is_allowed_only_inside_a_window() {
    let scope = scope();
    let proxy = Asset::new("host proxy-1 ip:10.20.0.4 fqdn:proxy.brambleford.example", "{}");
    let other = Asset::new("host app-1 ip:10.30.0.4", "{}");
    let foreign = Asset::new("host crane-9 ip:192.0.2.77 ip:10.20.0.9", "{}");
    let night = "2026-11-21T23:30:00Z".parse().unwrap();
    let day = "2026-11-23T12:00:00Z".parse().unwrap();
    let late = "2027-02-06T23:30:00Z".parse().unwrap();
    let allows = |asset: &Asset, target: &str, method, at| {
        scope.validation_allows(&asset.view(), target, method, at).map(|window| window.name.clone())
    };
    assert_eq!(allows(&proxy, "10.20.0.4:443", Method::Tls, night).as_deref(), Ok("Proxies at night"));
    assert!(allows(&proxy, "https://proxy.brambleford.example/x", Method::Http, night).is_ok());
    assert!(matches!(allows(&proxy, "10.20.0.4:443", Method::Tls, day), Err(Refusal::Closed { .. })));
    assert!(matches!(allows(&proxy, "10.20.0.4:443", Method::Tls, late), Err(Refusal::Closed { .. })));
    assert!(matches!(allows(&proxy, "10.20.0.4:22", Method::Tcp, night), Err(Refusal::NotAuthorised { .. })));
    assert!(matches!(
        allows(&other, "10.20.0.4:443", Method::Tls, night),
        Err(Refusal::NotAuthorised { .. })
    ));
    assert!(matches!(allows(&foreign, "10.20.0.9:443", Method::Tls, night), Err(Refusal::OutOfScope { .. })));
    assert!(matches!(allows(&proxy, "a b", Method::Tls, night), Err(Refusal::UnclearTarget { .. })));
    assert!(allows(&other, "127.0.0.1:8443", Method::Tls, day).is_ok());
    assert!(matches!(allows(&other, "127.0.0.1", Method::Http, day), Err(Refusal::Method { .. })));
    // What must never be touched, neither by its address nor by another name of the same asset.
    let kept = Asset::new("host proxy-9 ip:10.20.0.250 fqdn:p9.brambleford.example", "{}");
    assert!(matches!(allows(&kept, "10.20.0.250:443", Method::Tls, night), Err(Refusal::Never { .. })));
    assert!(matches!(
        allows(&kept, "p9.brambleford.example", Method::Tls, night),
        Err(Refusal::Never { .. })
    ));
    // Without a scope file nothing may be validated.
    let refusal =
        Scope::default().validation_allows(&other.view(), "127.0.0.1", Method::Tcp, day).unwrap_err();
    assert_eq!(refusal.to_string(), "no validation window covers 127.0.0.1 for this asset");
}

#[test]
fn doubt_is_a_refusal() {
    let text = "out:\n  - {selector: attributes.site.startsWith('x'), reason: elsewhere}\n\
                validation:\n  - {name: all, targets: 127.0.0.0/8, to: 2030-01-01T00:00:00Z, methods: tcp, authorised_by: me}\n";
    let scope = Scope::load("s", &|_| Ok(text.to_owned())).unwrap();
    let asset = Asset::new("host a", "{}");
    let at = "2026-11-23T00:00:00Z".parse().unwrap();
    let refusal = scope.validation_allows(&asset.view(), "127.0.0.1", Method::Tcp, at).unwrap_err();
    assert!(matches!(refusal, Refusal::Undecided { .. }), "{refusal}");
    assert_eq!(asset.place(&scope).problems.len(), 1);
    assert!(asset.place(&scope).in_scope);
}

/// The scope of the example company, in this crate's syntax.
#[test]
fn the_example_company_is_read() {
    let scope = Scope::load("brambleford/bartizan.yaml", &file).unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let mira = Asset::new(
        "account mira.holt",
        r#"{"domain": "INTERNAL.BRAMBLEFORD.EXAMPLE", "hasmailbox": true, "mfaenabled": false}"#,
    );
    let placed = mira.place(&scope);
    assert_eq!((placed.entries.as_slice(), placed.owner.unwrap().name), (&["phished-employee"][..], "it"));
    let bucket = Asset::new("data-store x aws-arn:arn:aws:s3:::brambleford-customer-exports", "{}");
    let placed = bucket.place(&scope);
    assert_eq!((placed.crown_jewels.as_slice(), placed.in_scope), (&["customer-exports"][..], true));
    // One address, two sites: only with its zone it is somewhere.
    assert_eq!(scope.zone_of("10.20.30.40".parse().unwrap()), None);
    let cache = Asset::new("host cache ip:headquarters/10.20.30.40", "{}");
    let labels = Asset::new("host labels ip:depot-north/10.20.30.40", "{}");
    let evening = "2026-11-24T20:00:00Z".parse().unwrap();
    let allows =
        |asset: &Asset| scope.validation_allows(&asset.view(), "10.20.30.40:6379", Method::Tcp, evening);
    assert_eq!(allows(&cache).unwrap().name, "headquarters-evenings");
    assert!(matches!(allows(&labels), Err(Refusal::NotAuthorised { .. })));
    let laboratory = Asset::new("host lab-archive ip:10.99.0.5", "{}");
    let refusal = scope.validation_allows(&laboratory.view(), "10.99.0.5", Method::Tcp, evening).unwrap_err();
    assert!(matches!(refusal, Refusal::Never { .. }), "{refusal}");
}

#[test]
fn an_asset_of_the_estate_is_seen_as_it_stands() {
    let now = "2026-11-23T00:00:00Z".parse().unwrap();
    let attributes = |json: &str| serde_json::from_str::<Attributes>(json).unwrap();
    let mut asset = bartizan_model::estate::Asset {
        key: bartizan_model::Digest::of(b"x"),
        kind: AssetKind::Workload,
        name: "x".to_owned(),
        identifiers: Vec::new(),
        attributes: attributes(r#"{"tags": {"Owner": " shop-team "}}"#),
        first_seen: now,
        last_seen: now,
        assessed_at: None,
        witnesses: Vec::new(),
    };
    let scope = scope();
    let placed = scope.classify(&AssetView::from(&asset));
    assert_eq!(placed.owner.unwrap().because, "the asset itself names this owner");
    asset.attributes = attributes(r#"{"owner": "platform", "tags": {"owner": "shop-team"}}"#);
    assert_eq!(AssetView::from(&asset).owner, Some("platform"));
    asset.attributes = attributes(r#"{"tags": ["owner"]}"#);
    assert_eq!(AssetView::from(&asset).owner, None);
}

#[test]
fn an_asset_may_name_its_owner() {
    let scope = scope();
    let asset = Asset::new("workload x", "{}");
    let owner = |name| {
        let placement = scope.classify(&AssetView { owner: Some(name), ..asset.view() });
        placement.owner.map(|owner| owner.name)
    };
    assert_eq!(owner("Shop-Team"), Some("shop-team"));
    assert_eq!(owner("somebody"), None);
}

/// 100,000 assets against the example's selectors; the time is printed, the bound is generous.
#[test]
fn many_assets_are_placed_quickly() {
    let scope = scope();
    let assets: Vec<Asset> = (0..20_000)
        .map(|number: u32| {
            let (a, b) = (number / 250 % 250, number % 250);
            let text = format!("host node-{number} ip:10.30.{a}.{b} fqdn:node-{number}.brambleford.example");
            Asset::new(&text, r#"{"tags": {"env": "prod", "app": "dispatch"}, "os": "Debian 12"}"#)
        })
        .collect();
    let start = std::time::Instant::now();
    let placed = (0..5).flat_map(|_| &assets).filter(|asset| asset.place(&scope).services.len() == 1).count();
    let elapsed = start.elapsed();
    println!("100,000 assets placed in {elapsed:?}");
    assert_eq!(placed, 100_000);
    assert!(elapsed.as_secs() < 120, "{elapsed:?}");
}

#[test]
fn lookups() {
    let scope = scope();
    let source = scope.source_of("./reports/semgrep/shop-api.json").unwrap();
    assert_eq!(
        source.asset.as_ref().unwrap().best().unwrap().value(),
        "git.brambleford.example/freight/shop-api"
    );
    assert_eq!(scope.source_of("reports/nmap/a/b.xml").unwrap().viewpoint.as_deref(), Some("office"));
    assert_eq!(scope.source_of("reports/other.xml"), None);
    assert_eq!(scope.zone_of("10.20.0.9".parse().unwrap()).unwrap().name, "dmz");
    assert_eq!(scope.zone_of("10.30.0.9".parse().unwrap()), None);
    assert!((scope.fix_hours(FixKind::ChangeCode) - 16.0).abs() < 1e-9);
    assert!((scope.fix_hours(FixKind::Upgrade) - 3.0).abs() < 1e-9);
}

#[test]
fn the_digest_is_of_what_is_said() {
    let load = |text: &str| {
        let text = text.to_owned();
        Scope::load("s", &move |_| Ok(text.clone())).unwrap().digest()
    };
    assert_eq!(load("organisation: A\ncurrency: EUR\n"), load("# x\ncurrency: 'EUR'\n\norganisation: A\n"));
    assert_ne!(load("organisation: A\n"), load("organisation: B\n"));
    assert_eq!(scope().digest(), scope().digest());
}
