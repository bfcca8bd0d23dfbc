//! What several feeds say is united with the same result in any order and however often.

#![expect(clippy::unwrap_used, reason = "test code")]

use bartizan_intel::{
    Catalogue, CveFacts, Cvss, Epss, Exploit, ExploitKind, Exploitation, Kev, Ssvc, Standing,
    TechnicalImpact, Vector,
};
use bartizan_model::{Timestamp, Weakness};
use jiff::civil::Date;
use proptest::prelude::*;

fn date() -> impl Strategy<Value = Date> {
    (2020i16..2024, 1i8..13).prop_map(|(year, month)| Date::new(year, month, 1).unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0i64..4).prop_map(|day| Timestamp::from_second(day * 86_400).unwrap())
}

fn saying() -> impl Strategy<Value = CveFacts> {
    let id = prop::sample::select(vec!["CVE-2024-0001", "CVE-2024-0002", "GHSA-aaaa-bbbb-cccc"]);
    let kev =
        (prop::option::of("[12]"), date(), any::<bool>()).prop_map(|(catalogue, date_added, ransomware)| {
            Kev {
                catalogue,
                date_added,
                due_date: None,
                ransomware,
                vendor: String::new(),
                product: String::new(),
                name: String::new(),
                action: String::new(),
            }
        });
    let epss =
        (0u8..4, prop::option::of(date()), prop::option::of("v[12]")).prop_map(|(score, date, model)| Epss {
            score: f64::from(score) / 10.0,
            percentile: None,
            date,
            model,
        });
    let ssvc = (prop::option::of(time()), any::<bool>()).prop_map(|(date, active)| Ssvc {
        date,
        exploitation: Some(if active { Exploitation::Active } else { Exploitation::None }),
        automatable: None,
        technical_impact: Some(TechnicalImpact::Total),
    });
    let vectors = prop::collection::vec(
        prop::sample::select(vec![
            "AV:N/AC:L/Au:N/C:C/I:C/A:C",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        ]),
        0..3,
    );
    let exploits = prop::collection::vec(("[ab]", prop::option::of(date())), 0..4);
    let lists =
        (vectors, exploits, prop::collection::vec(1u32..5, 0..4), prop::collection::vec("[A-C]-1", 0..3));
    let standing =
        (prop::option::of(time()), any::<bool>()).prop_map(|(as_of, rejected)| Standing { as_of, rejected });
    (
        id,
        prop::option::of(kev),
        prop::option::of(epss),
        prop::option::of(ssvc),
        lists,
        prop::option::of(time()),
        prop::option::of(standing),
    )
        .prop_map(|(id, kev, epss, ssvc, (vectors, exploits, cwes, aliases), published, standing)| {
            CveFacts {
                id: id.to_owned(),
                aliases,
                description: None,
                published,
                standing,
                kev,
                epss,
                ssvc,
                cvss: vectors
                    .into_iter()
                    .map(|text| Cvss { source: "x".to_owned(), vector: Vector::parse(text).unwrap() })
                    .collect(),
                cwes,
                exploits: exploits
                    .into_iter()
                    .map(|(source, seen)| Exploit {
                        kind: ExploitKind::Weaponised,
                        source,
                        reference: String::new(),
                        seen,
                    })
                    .collect(),
            }
        })
}

fn united(sayings: &[CveFacts]) -> Option<CveFacts> {
    let mut sayings = sayings.iter().cloned();
    let mut all = sayings.next()?;
    // A single saying is brought into order too.
    all.merge(all.clone());
    sayings.for_each(|saying| all.merge(saying));
    Some(all)
}

fn catalogue(sayings: Vec<CveFacts>) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for saying in sayings {
        catalogue.add(saying);
    }
    catalogue
}

proptest! {
    #[test]
    fn order_does_not_matter((sayings, shuffled) in prop::collection::vec(saying(), 1..7).prop_flat_map(|sayings| {
        (Just(sayings.clone()), Just(sayings).prop_shuffle())
    })) {
        prop_assert_eq!(united(&sayings), united(&shuffled));
        prop_assert!(catalogue(sayings).iter().eq(catalogue(shuffled).iter()));
    }

    #[test]
    fn grouping_does_not_matter(a in saying(), b in saying(), c in saying()) {
        let mut left = a.clone();
        left.merge(b.clone());
        left.merge(c.clone());
        let mut right = b;
        right.merge(c);
        let mut all = a;
        all.merge(right);
        prop_assert_eq!(left, all);
    }

    #[test]
    fn repeating_changes_nothing(a in saying(), b in saying()) {
        let mut once = a.clone();
        once.merge(b.clone());
        let mut twice = once.clone();
        twice.merge(b);
        twice.merge(a);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn facts_survive_json(a in saying()) {
        let mut a = a;
        a.merge(a.clone());
        let text = serde_json::to_string(&a).unwrap();
        prop_assert_eq!(serde_json::from_str::<CveFacts>(&text).unwrap(), a);
    }
}

#[test]
fn facts_are_found_under_any_name() {
    let mut catalogue = Catalogue::default();
    let mut advisory = CveFacts::new("CVE-2024-0001");
    advisory.aliases.push("GHSA-aaaa-bbbb-cccc".to_owned());
    catalogue.add(advisory);
    let mut own = CveFacts::new("PYSEC-2024-9");
    own.cwes.push(79);
    catalogue.add(own);
    assert_eq!(catalogue.get("GHSA-aaaa-bbbb-cccc").unwrap().id, "CVE-2024-0001");
    assert_eq!(catalogue.get("GHSA-xxxx"), None);
    let weakness = Weakness::from_ids(["GHSA-aaaa-bbbb-cccc", "PYSEC-2024-9"], "x").unwrap();
    let facts = catalogue.of(&weakness).unwrap();
    assert_eq!((facts.id.as_str(), facts.cwes.as_slice()), ("CVE-2024-0001", &[79][..]));
    assert_eq!(facts.aliases, ["GHSA-aaaa-bbbb-cccc", "PYSEC-2024-9"]);
}
