//! FIRST's EPSS scores: CSV with a first line `#model_version:…,score_date:…`, which the oldest
//! files lack, as they lack the percentile.

use std::io::{BufRead, BufReader, Cursor, Read};

use crate::facts::{CveFacts, Epss, cve_id};
use crate::feed::{Origin, Sink, Summary};
use crate::{Error, Feed, Result, time};

/// The longest first line that is looked at.
const FIRST_LINE: u64 = 4096;

pub(crate) fn read(reader: impl Read, origin: &Origin, sink: Sink<'_>) -> Result<Summary> {
    let mut reader = BufReader::with_capacity(128 * 1024, reader);
    let mut first = Vec::new();
    let failed = |error: &std::io::Error| Error::Csv { line: 1, message: error.to_string() };
    reader.by_ref().take(FIRST_LINE).read_until(b'\n', &mut first).map_err(|error| failed(&error))?;
    let mut summary = Summary::default();
    let mut date = origin.date;
    let mut model = None;
    let line = String::from_utf8_lossy(&first);
    // The first line is data or a header where it is no comment, and is read again as such.
    let (put_back, lines_before) = match line.trim().strip_prefix('#') {
        Some(comment) => {
            for part in comment.split(',') {
                match part.trim().split_once(':') {
                    Some(("model_version", version)) => model = Some(version.trim().to_owned()),
                    Some(("score_date", text)) => {
                        date = time::date(text).or(date);
                        summary.date = time::timestamp(text);
                    }
                    _ => {}
                }
            }
            (Vec::new(), 1)
        }
        None => (first.clone(), 0),
    };
    summary.version.clone_from(&model);
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(Cursor::new(put_back).chain(reader));
    let mut columns = Columns { cve: 0, epss: 1, percentile: Some(2) };
    let mut row = csv::StringRecord::new();
    let mut is_first = true;
    loop {
        let line = rows.position().line() + lines_before;
        match rows.read_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(Error::Csv { line, message: error.to_string() }),
        }
        if std::mem::take(&mut is_first) && row.iter().any(|cell| cell.eq_ignore_ascii_case("epss")) {
            columns = Columns::of(&row)?;
            continue;
        }
        summary.records += 1;
        match columns.score(&row) {
            Ok((id, score, percentile)) => {
                summary.taken += 1;
                let mut facts = CveFacts::new(id);
                facts.epss = Some(Epss { score, percentile, date, model: model.clone() });
                sink(facts)?;
            }
            Err(message) => {
                summary.reject(format!("line {line}"), message);
                if summary.records > 20 && summary.taken == 0 {
                    return Err(Error::NotThis {
                        feed: Feed::Epss,
                        reason: "none of its first rows is a score".to_owned(),
                    });
                }
            }
        }
    }
    if summary.taken == 0 {
        return Err(Error::NotThis { feed: Feed::Epss, reason: "it holds no score".to_owned() });
    }
    Ok(summary)
}

struct Columns {
    cve: usize,
    epss: usize,
    percentile: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self> {
        let find = |name: &str| header.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        match (find("cve"), find("epss")) {
            (Some(cve), Some(epss)) => Ok(Self { cve, epss, percentile: find("percentile") }),
            _ => Err(Error::NotThis {
                feed: Feed::Epss,
                reason: "it has no columns `cve` and `epss`".to_owned(),
            }),
        }
    }

    fn score(&self, row: &csv::StringRecord) -> Result<(String, f64, Option<f64>), String> {
        let id = row.get(self.cve).unwrap_or_default();
        let id = cve_id(id).ok_or_else(|| format!("{id:?} is not a CVE id"))?;
        let score = row.get(self.epss).unwrap_or_default();
        let score = share(score).ok_or_else(|| format!("epss: {score:?} is not a number from 0 to 1"))?;
        let percentile = match self.percentile.and_then(|at| row.get(at)).filter(|cell| !cell.is_empty()) {
            Some(text) => {
                Some(share(text).ok_or_else(|| format!("percentile: {text:?} is not a number from 0 to 1"))?)
            }
            None => None,
        };
        Ok((id, score, percentile))
    }
}

fn share(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number))
}
