//! Ids of vulnerabilities: which name the same thing, and which name several.

use bartizan_model::Weakness;

/// Whether an id names one vulnerability, so that it can be an alias of another such id. Vendors'
/// advisories (DSA, RHSA, USN, ALAS…) cover several vulnerabilities each: as aliases they would make
/// one of them all.
pub(crate) fn is_single(id: &str) -> bool {
    const LISTS: [&str; 10] =
        ["CVE-", "GHSA-", "PYSEC-", "RUSTSEC-", "GO-", "MAL-", "OSV-", "SNYK-", "PRISMA-", "HSEC-"];
    LISTS.iter().any(|list| id.get(..list.len()).is_some_and(|start| start.eq_ignore_ascii_case(list)))
}

/// One weakness for each vulnerability that the ids name: with at most one CVE among them the single
/// ids are aliases of each other; with several CVEs each is a weakness of its own. An id that is not
/// single names the weakness only where nothing better does.
pub(crate) fn weaknesses(ids: &[&str], title: &str) -> Vec<Weakness> {
    let mut cves: Vec<String> =
        ids.iter().map(|id| id.trim().to_ascii_uppercase()).filter(|id| id.starts_with("CVE-")).collect();
    cves.sort_unstable();
    cves.dedup();
    if cves.len() > 1 {
        return cves.iter().filter_map(|cve| Weakness::from_ids([cve.as_str()], title)).collect();
    }
    let singles: Vec<&str> = ids.iter().copied().filter(|id| is_single(id.trim())).collect();
    let names = if singles.is_empty() { ids.get(..1).unwrap_or_default() } else { singles.as_slice() };
    Weakness::from_ids(names.iter().copied(), title).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::weaknesses;

    fn keys(ids: &[&str]) -> Vec<String> {
        weaknesses(ids, "x").iter().map(|weakness| weakness.key.to_string()).collect()
    }

    #[test]
    fn aliases_and_advisories() {
        assert_eq!(keys(&["GHSA-aaaa-bbbb-cccc", "CVE-2021-1"]), ["CVE-2021-1"]);
        assert_eq!(
            keys(&["ELSA-2021-9", "CVE-2021-2", "CVE-2021-1", "cve-2021-1"]),
            ["CVE-2021-1", "CVE-2021-2"]
        );
        assert_eq!(keys(&["RHSA-2024:1"]), ["RHSA-2024:1"]);
        assert_eq!(weaknesses(&["RHSA-2024:1", "CVE-2024-1"], "x")[0].aliases, Vec::<String>::new());
        assert!(keys(&[""]).is_empty() && keys(&[]).is_empty());
    }
}
