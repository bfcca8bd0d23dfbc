//! The sections of a scope file, one function each: fields in, parts of a [`Scope`] out.
//!
//! A field is known by being asked for, so this file is also the list of what may be written.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_model::check::Method;
use bartizan_model::{AssetKind, EntryKind, FixKind, Identifier, Scheme, Subject, Timestamp};
use ipnet::IpNet;

use crate::load::{Draft, Section};
use crate::mistake::hint;
use crate::scope::{
    Aspect, Boundary, CrownJewel, DeadlineRule, Deadlines, Entry, Freshness, FreshnessRule, Harm, Owner,
    Scope, Service, fix_kind,
};
use crate::selector::Selector;
use crate::source::{FileGlob, Source, kind_of};
use crate::spot::{Fields, Spot};
use crate::target::TargetPattern;
use crate::value::{Worth, duration, time_of_day, work_hours, worth};
use crate::window::{DAYS, Weekly, Window, time_zone};
use crate::yaml::{Position, Style};
use crate::zone::{INTERNET, Reach, Zone};

/// Reads every section that is a list, and the few that stand alone.
pub(crate) fn read_all(fields: &mut Fields<'_>, draft: &mut Draft) {
    each(fields, "services", draft, service, |scope| &mut scope.services);
    each(fields, "crown_jewels", draft, crown_jewel, |scope| &mut scope.crown_jewels);
    each(fields, "entries", draft, entry, |scope| &mut scope.entries);
    each(fields, "in", draft, |fields, draft| boundary(fields, draft, true), |scope| &mut scope.inside);
    each(fields, "out", draft, |fields, draft| boundary(fields, draft, false), |scope| &mut scope.outside);
    each(fields, "owners", draft, owner, |scope| &mut scope.owners);
    each(fields, "zones", draft, zone, |scope| &mut scope.zones);
    each(fields, "sources", draft, source, |scope| &mut scope.sources);
    each(fields, "validation", draft, window, |scope| &mut scope.validation);
    for spot in fields.get("never").map(|spot| spot.one_or_more()).unwrap_or_default() {
        let Some(text) = spot.text() else { continue };
        match TargetPattern::parse(text) {
            Ok(pattern) => draft.scope.never.push(pattern),
            Err(message) => spot.mistake(message),
        }
    }
    draft.once(fields, "freshness", |spot| Some(freshness(spot)), |scope, it| scope.freshness = it);
    draft.once(fields, "fix_costs", |spot| Some(fix_costs(spot)), |scope, it| scope.fix_costs = it);
    if let Some(spot) = fields.get("deadlines") {
        deadlines(&spot, draft);
    }
}

/// Reads the items of a section; an item with a mistake in it is left out, and the mistake noted.
fn each<T>(
    fields: &mut Fields<'_>,
    name: &'static str,
    draft: &mut Draft,
    read: impl Fn(&mut Fields<'_>, &mut Draft) -> Option<T>,
    list: impl Fn(&mut Scope) -> &mut Vec<T>,
) {
    let Some(spot) = fields.get(name) else { return };
    for item in spot.items() {
        let Some(mut item_fields) = item.fields() else { continue };
        let value = read(&mut item_fields, draft);
        item_fields.finish();
        if let Some(value) = value {
            list(&mut draft.scope).push(value);
        }
    }
}

pub(crate) fn currency(spot: &Spot<'_>) -> Option<String> {
    let code = spot.text()?;
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Some(code.to_owned());
    }
    spot.mistake(format!("must be an ISO 4217 code such as EUR, but is {code:?}"));
    None
}

fn service(fields: &mut Fields<'_>, draft: &mut Draft) -> Option<Service> {
    let name = draft.name(Section::Service, fields);
    let description = fields.text("description");
    let owner = fields.get("owner").and_then(|spot| draft.mention(Section::Owner, &spot));
    let worth = fields.get("worth").and_then(|spot| amount(&spot, draft));
    let selector = need_selector(fields, "it says which assets the service needs");
    Some(Service { name: name?, description, owner, worth, selector: selector? })
}

fn crown_jewel(fields: &mut Fields<'_>, draft: &mut Draft) -> Option<CrownJewel> {
    let name = draft.name(Section::CrownJewel, fields);
    let description = fields.text("description");
    let owner = fields.get("owner").and_then(|spot| draft.mention(Section::Owner, &spot));
    let worth = fields
        .need("worth", "say what is lost if it falls (2.5M), or what it is worth per year (900k per year)")
        .and_then(|spot| amount(&spot, draft));
    let harms = [
        ("confidentiality", Harm::Confidentiality),
        ("integrity", Harm::Integrity),
        ("availability", Harm::Availability),
    ];
    let falls = match fields.get("falls") {
        Some(spot) => spot.one_or_more().iter().filter_map(|item| item.choice(&harms)).collect(),
        None => harms.iter().map(|(_, harm)| *harm).collect(),
    };
    let selector = need_selector(fields, "it says which assets are the jewel");
    Some(CrownJewel { name: name?, description, owner, worth: worth?, falls, selector: selector? })
}

fn amount(spot: &Spot<'_>, draft: &Draft) -> Option<Worth> {
    let text = spot.word("an amount of money")?;
    match worth(text, draft.scope.currency.as_deref()) {
        Ok(worth) => Some(worth),
        Err(message) => {
            spot.mistake(message);
            None
        }
    }
}

fn entry(fields: &mut Fields<'_>, draft: &mut Draft) -> Option<Entry> {
    let name = draft.name(Section::Entry, fields);
    let description = fields.text("description");
    let kind = fields
        .need("kind", "internet, phished-user, third-party or insider")
        .and_then(|spot| spot.choice(&EntryKind::ALL.map(|kind| (kind.as_str(), kind))));
    let selector = match fields.get("selector") {
        Some(spot) if spot.scalar("a selector").is_some_and(|scalar| scalar.text.trim() == INTERNET) => {
            if kind.is_some_and(|kind| kind != EntryKind::Internet) {
                spot.mistake("`internet` selects where an attacker from the internet starts; this entry is of another kind");
            }
            None
        }
        Some(_) => optional_selector(fields).ok()?,
        None => {
            if kind.is_some_and(|kind| kind != EntryKind::Internet) {
                fields.need("selector", "it says what the attacker holds at the start");
            }
            None
        }
    };
    Some(Entry { name: name?, kind: kind?, description, selector })
}

fn boundary(fields: &mut Fields<'_>, _: &mut Draft, inside: bool) -> Option<Boundary> {
    let name = fields.text("name");
    let reason = fields.need_text("reason", "a reviewer must see why");
    let selector = need_selector(fields, "it says which assets are meant");
    let managed = if inside {
        match fields.get("managed") {
            Some(spot) => {
                spot.one_or_more().iter().filter_map(|item| item.choice(&Aspect::CHOICES)).collect()
            }
            None => Aspect::all(),
        }
    } else {
        BTreeSet::new()
    };
    Some(Boundary { name, selector: selector?, reason: reason?, managed })
}

fn owner(fields: &mut Fields<'_>, draft: &mut Draft) -> Option<Owner> {
    let name = draft.name(Section::Owner, fields);
    let contact = fields.text("contact");
    let selector = optional_selector(fields);
    let confidence = match fields.get("confidence") {
        Some(spot) => spot.number("a number above 0 and at most 1").filter(|number| {
            let fits = *number > 0.0 && *number <= 1.0;
            if !fits {
                spot.mistake(format!("must be above 0 and at most 1, but is {number}"));
            }
            fits
        }),
        None => Some(1.0),
    };
    Some(Owner { name: name?, contact, selector: selector.ok()?, confidence: confidence? })
}

fn zone(fields: &mut Fields<'_>, draft: &mut Draft) -> Option<Zone> {
    let name = draft.name(Section::Zone, fields);
    if name.as_deref() == Some(INTERNET) {
        fields.spot().mistake("the zone `internet` is known already and cannot be defined");
    }
    let description = fields.text("description");
    let site = fields.text("site");
    let mut cidrs = Vec::new();
    for spot in fields.get("cidrs").map(|spot| spot.one_or_more()).unwrap_or_default() {
        let Some(text) = spot.word("a network such as 10.1.0.0/16") else { continue };
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        match network {
            Ok(network) if network.trunc() != network => {
                spot.mistake(format!(
                    "{text} is an address in {}; write the network or a /{}",
                    network.trunc(),
                    network.max_prefix_len()
                ));
            }
            Ok(network) => {
                if let Some(first) = draft.networks.get(&(site.clone(), network)) {
                    spot.mistake(format!(
                        "{network} already belongs to a zone of this site, in {} line {}",
                        first.file, first.at.line
                    ));
                } else {
                    draft.networks.insert((site.clone(), network), spot.location());
                    cidrs.push(network);
                }
            }
            Err(_) => spot.mistake(format!("must be a network such as 10.1.0.0/16, but is {text:?}")),
        }
    }
    let reaches = fields.get("reaches").map(|spot| spot.one_or_more()).unwrap_or_default();
    let reaches = reaches.iter().filter_map(|spot| reach(spot, draft)).collect();
    Some(Zone { name: name?, description, site, cidrs, reaches })
}

/// `app`, or `{zone: app, ports: [443, 8000-8100]}`.
fn reach(spot: &Spot<'_>, draft: &mut Draft) -> Option<Reach> {
    if !spot.is_map() {
        return Some(Reach { zone: draft.mention(Section::Zone, spot)?, ports: BTreeSet::new() });
    }
    let mut fields = spot.fields()?;
    let zone =
        fields.need("zone", "it says what is reached").and_then(|spot| draft.mention(Section::Zone, &spot));
    let mut ports = BTreeSet::new();
    for spot in fields.get("ports").map(|spot| spot.one_or_more()).unwrap_or_default() {
        let Some(text) = spot.word("a port or a range of ports") else { continue };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if first > 0 && first <= last => ports.extend(first..=last),
            _ => spot.mistake(format!("must be a port or a range such as 8000-8100, but is {text:?}")),
        }
    }
    fields.finish();
    Some(Reach { zone: zone?, ports })
}

fn source(fields: &mut Fields<'_>, draft: &mut Draft) -> Option<Source> {
    let files = fields
        .need("files", "it is a glob of the files that this is about, such as reports/nmap/*.xml")
        .and_then(|spot| {
            let text = spot.text()?;
            FileGlob::parse(text).map_err(|message| spot.mistake(message)).ok()
        });
    let kind = fields.get("kind").and_then(|spot| {
        let choices: Vec<(&'static str, AssetKind)> =
            AssetKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
        spot.choice(&choices)
    });
    let asset = match fields.get("asset") {
        Some(spot) => subject(&spot, kind).map(Some),
        None => Some(None),
    };
    let zone = fields.get("zone").and_then(|spot| draft.mention(Section::Zone, &spot));
    let viewpoint = fields.get("viewpoint").and_then(|spot| draft.mention(Section::Zone, &spot));
    let format = fields.text("format");
    let mapping = fields.text("mapping");
    Some(Source { files: files?, asset: asset?, zone, viewpoint, format, mapping })
}

fn subject(spot: &Spot<'_>, kind: Option<AssetKind>) -> Option<Subject> {
    let text = spot.text()?;
    let Some(identifier) = Identifier::parse(text) else {
        let scheme = text.split(':').next().unwrap_or_default();
        let known = Scheme::ALL.iter().map(|scheme| scheme.as_str());
        spot.mistake(format!(
            "must be scheme:value with a known scheme, but is {text:?}{}",
            hint(scheme, known)
        ));
        return None;
    };
    let kind = kind.or_else(|| kind_of(&identifier));
    if kind.is_none() {
        let scheme = identifier.scheme();
        spot.mistake(format!("a {scheme} may name assets of many kinds; say which with `kind`"));
    }
    kind.map(|kind| Subject::new(kind, [identifier]))
}

fn window(fields: &mut Fields<'_>, draft: &mut Draft) -> Option<Window> {
    let name = draft.name(Section::Window, fields);
    let selector = optional_selector(fields);
    let requests_per_second = fields.get("requests_per_second").and_then(|spot| {
        let number = spot.number("a number above 0")?;
        if number <= 0.0 {
            spot.mistake(format!("must be above 0, but is {number}"));
        }
        Some(number)
    });
    let mut targets = Vec::new();
    let mut unreadable = false;
    for spot in fields.get("targets").map(|spot| spot.one_or_more()).unwrap_or_default() {
        let Some(text) = spot.text() else { continue };
        match TargetPattern::parse(text) {
            Ok(pattern) => targets.push(pattern),
            Err(message) => {
                spot.mistake(message);
                unreadable = true;
            }
        }
    }
    if selector == Ok(None) && targets.is_empty() && !unreadable {
        fields.spot().mistake("names neither a selector nor targets, so it would allow nothing");
    }
    let from = fields.get("from").and_then(|spot| moment(&spot));
    let to = fields.get("to").and_then(|spot| moment(&spot).map(|to| (spot, to)));
    if let (Some(from), Some((spot, to))) = (from, &to)
        && *to <= from
    {
        spot.mistake(format!("the window ends at {to}, which is not after its start at {from}"));
    }
    let weekly = fields.get("weekly").and_then(|spot| weekly(&spot));
    if fields.get("to").is_none() && fields.get("weekly").is_none() {
        fields.need("to", "an authorisation must end; give `to`, or `weekly` hours");
    }
    let methods = fields.need("methods", "tcp, tls or http").map(|spot| {
        spot.one_or_more()
            .iter()
            .filter_map(|item| item.choice(&Method::ALL.map(|method| (method.as_str(), method))))
            .collect::<BTreeSet<_>>()
    });
    let authorised_by = fields.need_text("authorised_by", "somebody must answer for what is sent");
    let reason = fields.text("reason");
    Some(Window {
        name: name?,
        selector: selector.ok()?,
        targets,
        from,
        to: to.map(|(_, to)| to),
        weekly,
        methods: methods?,
        requests_per_second,
        authorised_by: authorised_by?,
        reason,
    })
}

fn moment(spot: &Spot<'_>) -> Option<Timestamp> {
    let text = spot.word("a time")?;
    let time = text.parse().ok();
    if time.is_none() {
        spot.mistake(format!(
            "must be a time with its offset, such as 2026-11-23T22:00:00Z, but is {text:?}"
        ));
    }
    time
}

fn weekly(spot: &Spot<'_>) -> Option<Weekly> {
    let mut fields = spot.fields()?;
    let mut days = [false; 7];
    let mut any = false;
    if let Some(spot) = fields.need("days", "the days on which the window opens") {
        for item in spot.one_or_more() {
            if let Some(day) = item.choice(&DAYS) {
                days[day.to_monday_zero_offset() as usize] = true;
                any = true;
            }
        }
    }
    let minute = |spot: Spot<'_>| {
        let text = spot.word("a time of the day")?;
        time_of_day(text).map_err(|message| spot.mistake(message)).ok()
    };
    let from = fields.need("from", "the time at which the window opens").and_then(minute);
    let to = fields.need("to", "the time at which the window closes").and_then(minute);
    let zone = fields.need("zone", "a time zone such as Europe/London").and_then(|spot| {
        let name = spot.text()?;
        let zone = time_zone(name);
        if zone.is_none() {
            spot.mistake(format!("{name:?} is not a time zone of the IANA database, such as Europe/London"));
        }
        zone.map(|zone| (zone, name.to_owned()))
    });
    if from.is_some() && from == to {
        spot.mistake("opens and closes at the same time; a whole day is from 00:00 to 24:00");
    }
    fields.finish();
    let (zone, zone_name) = zone?;
    any.then_some(Weekly { days, from: from?, to: to?, zone, zone_name })
}

/// A mapping of kinds to spans, with `default` and `selectors` beside them.
fn freshness(spot: &Spot<'_>) -> Freshness {
    let mut freshness = Freshness::default();
    for (key, value) in spot.members() {
        match key.text.as_str() {
            "default" => {
                if let Some(window) = span(&value) {
                    freshness.default = window;
                }
            }
            "selectors" => {
                for item in value.items() {
                    let Some(mut fields) = item.fields() else { continue };
                    let selector = need_selector(&mut fields, "it says which assets are meant");
                    let window =
                        fields.need("window", "a span of time such as 7d").and_then(|spot| span(&spot));
                    fields.finish();
                    if let (Some(selector), Some(window)) = (selector, window) {
                        freshness.selectors.push(FreshnessRule { selector, window });
                    }
                }
            }
            kind => {
                let Some(kind) = AssetKind::parse(kind) else {
                    let kinds = AssetKind::ALL.iter().map(|kind| kind.as_str());
                    let hint = hint(kind, ["default", "selectors"].into_iter().chain(kinds));
                    value.mistake_at(
                        key.at,
                        format!("is not a kind of asset, `default` or `selectors`{hint}"),
                    );
                    continue;
                };
                if let Some(window) = span(&value) {
                    freshness.kinds.insert(kind.as_str(), window);
                }
            }
        }
    }
    freshness
}

fn span(spot: &Spot<'_>) -> Option<jiff::SignedDuration> {
    let text = spot.word("a span of time such as 7d")?;
    duration(text).map_err(|message| spot.mistake(message)).ok()
}

fn fix_costs(spot: &Spot<'_>) -> BTreeMap<&'static str, f64> {
    let names = FixKind::ALL.map(|kind| fix_kind(kind).0);
    let mut costs = BTreeMap::new();
    for (key, value) in spot.members() {
        let Some(name) = names.iter().find(|name| **name == key.text) else {
            value.mistake_at(key.at, format!("is not a kind of fix{}", hint(&key.text, names)));
            continue;
        };
        if let Some(text) = value.word("hours of work") {
            match work_hours(text) {
                Ok(hours) => {
                    costs.insert(*name, hours);
                }
                Err(message) => value.mistake(message),
            }
        }
    }
    costs
}

fn deadlines(spot: &Spot<'_>, draft: &mut Draft) {
    let Some(mut fields) = spot.fields() else { return };
    let mut read = Deadlines::default();
    draft.once(
        &mut fields,
        "table",
        |spot| spot.text().map(str::to_owned),
        |_, table| read.table = Some(table),
    );
    if let Some(tiers) = fields.get("tiers") {
        for (key, value) in tiers.members() {
            match key.text.parse::<u8>() {
                Ok(tier @ 1..=5) => {
                    if let Some(within) = span(&value) {
                        read.tiers.insert(tier, within);
                    }
                }
                _ => value.mistake_at(key.at, "must be a tier, 1 to 5"),
            }
        }
    }
    for item in fields.get("rules").map(|spot| spot.items()).unwrap_or_default() {
        let Some(mut fields) = item.fields() else { continue };
        let name = draft.name(Section::DeadlineRule, &mut fields);
        let selector = need_selector(&mut fields, "it says which assets are meant");
        let within = fields.need("within", "a span of time such as 14d").and_then(|spot| span(&spot));
        let reason = fields.text("reason");
        fields.finish();
        if let (Some(name), Some(selector), Some(within)) = (name, selector, within) {
            read.rules.push(DeadlineRule { name, selector, within, reason });
        }
    }
    fields.finish();
    let kept = &mut draft.scope.deadlines;
    kept.table = read.table.or(kept.table.take());
    for (tier, within) in read.tiers {
        if kept.tiers.insert(tier, within).is_some() {
            spot.mistake(format!("the deadline of tier {tier} is said in two files"));
        }
    }
    kept.rules.append(&mut read.rules);
}

fn need_selector(fields: &mut Fields<'_>, why: &str) -> Option<Selector> {
    selector(&fields.need("selector", why)?)
}

/// A selector where one is given; [`Missed`] where it has a mistake.
fn optional_selector(fields: &mut Fields<'_>) -> Result<Option<Selector>, Missed> {
    fields.get("selector").map(|spot| selector(&spot).ok_or(Missed)).transpose()
}

/// A value that is there but could not be read; the mistake is noted.
#[derive(PartialEq)]
struct Missed;

/// An expression; a list of expressions holds where any of them does.
fn selector(spot: &Spot<'_>) -> Option<Selector> {
    if !spot.is_list() {
        return expression(spot);
    }
    let items = spot.items();
    let wanted = items.len();
    let parts: Vec<Selector> = items.iter().filter_map(expression).collect();
    if parts.len() < wanted || parts.is_empty() {
        return None;
    }
    let texts: Vec<String> = parts.iter().map(|part| format!("({})", part.text())).collect();
    match Selector::compile(&texts.join(" || ")) {
        Ok(selector) => Some(selector),
        Err(faults) => {
            for fault in &faults {
                spot.mistake(&fault.message);
            }
            None
        }
    }
}

fn expression(spot: &Spot<'_>) -> Option<Selector> {
    let scalar = spot.scalar("a selector")?;
    let faults = match Selector::compile(&scalar.text) {
        Ok(selector) => return Some(selector),
        Err(faults) => faults,
    };
    let start = spot.at();
    // Where the text of the file and of the expression run in step, the mistake has an exact place.
    let (in_step, quote) = match scalar.style {
        Style::Plain => (!scalar.text.contains('\n'), 0),
        Style::SingleQuoted => (!scalar.text.contains(['\n', '\'']), 1),
        Style::DoubleQuoted => (!scalar.text.contains(['\n', '"', '\\']), 1),
        Style::Literal => (true, 0),
        Style::Folded => (false, 0),
    };
    for fault in faults {
        if in_step {
            let column = start.column + quote + fault.column - 1;
            spot.mistake_at(Position { line: start.line + fault.line - 1, column }, fault.message);
        } else {
            let place = if fault.line == 1 { String::new() } else { format!("line {}, ", fault.line) };
            spot.mistake(format!("{} (in the expression: {place}column {})", fault.message, fault.column));
        }
    }
    None
}
