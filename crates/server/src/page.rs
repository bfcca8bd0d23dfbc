//! The front page: plain HTML without script, so that a person who opens the address sees the answer.
//!
//! All text that comes from reports or the scope is escaped here, nowhere else.

use std::fmt::{self, Write as _};

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bartizan_cycle::ranking::{JewelAnswer, Ranked, Ranking};
use bartizan_cycle::words;

use crate::problem::Fault;
use crate::turn::Turn;

const STYLE: &str = include_str!("style.css");
/// How many exposures the page shows.
const SHOWN: usize = 10;

pub(crate) async fn style() -> Response {
    with_kind(STYLE.to_owned(), "text/css; charset=utf-8")
}

pub(crate) async fn front(turn: Turn) -> Result<Response, Fault> {
    let page = turn
        .work(|app| {
            let ranking = app.current(&mut app.store()?)?.ranking;
            Ok(page(&ranking, app.config.note.as_deref()))
        })
        .await?;
    Ok(with_kind(page, "text/html; charset=utf-8"))
}

fn with_kind(text: String, kind: &'static str) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn page(ranking: &Ranking, note: Option<&str>) -> String {
    let mut html = String::new();
    // Writing into text does not fail.
    let _ = write_page(&mut html, ranking, note);
    html
}

fn write_page(html: &mut String, ranking: &Ranking, note: Option<&str>) -> fmt::Result {
    let whose = ranking.organisation.as_deref().map(|name| format!(" – {name}")).unwrap_or_default();
    write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Bartizan{}</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
         <header>\n<p class=\"name\">Bartizan{}</p>\n",
        escape(&whose),
        escape(&whose)
    )?;
    if let Some(note) = note {
        writeln!(html, "<p class=\"note\">{}</p>", escape(note))?;
    }
    write!(html, "</header>\n<main>\n<h1>{}</h1>\n", escape(&ranking.headline))?;
    if !ranking.missing.is_empty() {
        write!(html, "<p>What is missing to say more:</p>\n<ul>\n")?;
        for missing in &ranking.missing {
            writeln!(html, "<li>{}</li>", escape(missing))?;
        }
        html.push_str("</ul>\n");
    }
    html.push_str("<section aria-labelledby=\"first\">\n<h2 id=\"first\">What to fix first</h2>\n");
    if ranking.exposures.is_empty() {
        html.push_str(
            "<p>No live exposure is known. Import reports: <code>bartizan import FILE</code></p>\n",
        );
    } else {
        html.push_str("<ol>\n");
        for ranked in ranking.exposures.iter().take(SHOWN) {
            write_exposure(html, ranking, ranked)?;
        }
        html.push_str("</ol>\n");
    }
    let counts = &ranking.counts;
    write!(
        html,
        "<p>{} live exposures, {} of them on a path, {} closed; ranking of {}.</p>\n</section>\n",
        counts.exposures_live,
        counts.exposures_on_path,
        counts.exposures_closed,
        words::minute(ranking.as_of)
    )?;
    write_jewels(html, ranking)?;
    html.push_str(
        "<section aria-labelledby=\"more\">\n<h2 id=\"more\">More</h2>\n\
         <p>This is the HTTP API of Bartizan, which says what an attacker can reach that you cannot afford to lose, \
         and the fewest fixes that stop it. It answers in JSON; the web application comes in a later version.</p>\n<ul>\n",
    );
    for (path, words) in LINKS {
        writeln!(html, "<li><a href=\"{path}\">{words}</a></li>")?;
    }
    html.push_str("</ul>\n</section>\n</main>\n</body>\n</html>\n");
    Ok(())
}

const LINKS: &[(&str, &str)] = &[
    ("/api/v1/top", "What to fix first"),
    ("/api/v1/fixes", "The fewest fixes that cut all paths"),
    ("/api/v1/paths", "Attack paths with their evidence"),
    ("/api/v1/tiers", "Every element in scope with its tier"),
    ("/api/v1/tasks", "Fixes as tasks for their owners"),
    ("/api/v1/scope", "The scope"),
    ("/api/v1/imports", "The reports that were imported"),
    ("/api/openapi.json", "Description of the API (OpenAPI)"),
];

fn write_exposure(html: &mut String, ranking: &Ranking, ranked: &Ranked) -> fmt::Result {
    write!(
        html,
        "<li><strong class=\"tier tier-{}\">{}</strong> <a href=\"/api/v1/exposures/{}\">{}</a>\n<p>",
        ranked.tier,
        words::tier(ranked.tier),
        ranked.id,
        escape(&ranked.title)
    )?;
    let mut parts = vec![ranked.asset.clone(), words::way(ranking, ranked)];
    if ranked.exploited {
        parts.push("exploited in the wild".to_owned());
    }
    parts.push(format!("owner: {}", ranked.owner.as_deref().unwrap_or("none")));
    if let Some(deadline) = ranked.deadline {
        parts.push(format!("due {}", words::day(deadline)));
    }
    writeln!(html, "{}</p></li>", escape(&parts.join(" · ")))
}

fn write_jewels(html: &mut String, ranking: &Ranking) -> fmt::Result {
    html.push_str("<section aria-labelledby=\"jewels\">\n<h2 id=\"jewels\">Crown jewels</h2>\n");
    if ranking.jewels.is_empty() {
        html.push_str("<p>The scope names no crown jewel.</p>\n</section>\n");
        return Ok(());
    }
    html.push_str(
        "<table>\n<thead><tr><th scope=\"col\">Crown jewel</th><th scope=\"col\">Worth</th>\
         <th scope=\"col\">How it stands</th><th scope=\"col\">Owner</th></tr></thead>\n<tbody>\n",
    );
    for jewel in &ranking.jewels {
        writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&jewel.name),
            escape(&words::money(jewel.worth, ranking.currency.as_deref())),
            escape(&stands(jewel)),
            escape(jewel.owner.as_deref().unwrap_or("none"))
        )?;
    }
    html.push_str("</tbody>\n</table>\n</section>\n");
    Ok(())
}

fn stands(jewel: &JewelAnswer) -> String {
    if jewel.assets.is_empty() {
        "no asset is known that matches it".to_owned()
    } else if jewel.reachable {
        format!(
            "an attacker reaches it in {} of simulated attacks, over {}",
            words::percent(jewel.probability),
            words::count(jewel.paths, "known path", "known paths")
        )
    } else {
        "no known path reaches it".to_owned()
    }
}

/// Text for HTML, in elements and in quoted attributes. Control characters and those that turn the
/// direction of writing go, so that a report cannot make a page say something else.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if words::is_hostile(c) => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(
            escape("<img src=\"x\" onerror='a&b'>"),
            "&lt;img src=&quot;x&quot; onerror=&#39;a&amp;b&#39;&gt;"
        );
        assert_eq!(escape("a\u{202e}b\u{1b}c"), "a b c");
    }
}
