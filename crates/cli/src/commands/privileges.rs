//! `privileges`: who is, or can become, administrator.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use bartizan_cycle::cloud::cloud;
use bartizan_iam::{Admin, Estate, Privilege, privileges};
use bartizan_intake::Document;

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::session::{limits, open_store};
use crate::text::{columns, fit, wrap};

pub(crate) fn run(global: &Global, output: &Output, files: &[PathBuf]) -> Result<Gate> {
    let answers = if files.is_empty() {
        cloud(&open_store(&global.db)?.estate()?).privileges()
    } else {
        privileges(&read(output, files)?)
    };
    output.list(&answers, |output| table(output, &answers))?;
    Ok(Gate::Passed)
}

/// Inventories straight from files, several of them as one estate.
fn read(output: &Output, files: &[PathBuf]) -> Result<Estate> {
    let mut texts = Vec::new();
    for path in files {
        let mut document = match Document::open(path, limits()?) {
            Ok(document) => document,
            Err(error) => bail!("{} {error}", path.display()),
        };
        let mut text = String::new();
        std::io::Read::read_to_string(&mut document.reader(), &mut text)
            .map_err(|error| document.fault(error))
            .with_context(|| format!("{}", path.display()))?;
        texts.push((path, text));
    }
    let mut estate = Estate::default();
    for (path, text) in &texts {
        let (part, problems) = Estate::parse_authorization_details(text).with_context(|| {
            format!("{} is not what `aws iam get-account-authorization-details` prints", path.display())
        })?;
        for problem in problems {
            output.say(&format!("{}: {}: {}", path.display(), problem.at, problem.message));
        }
        estate.merge(part);
    }
    estate.complete();
    Ok(estate)
}

fn table(output: &Output, answers: &[Privilege]) -> String {
    if answers.is_empty() {
        return "No principal is known. Import an inventory, or name one: bartizan privileges authorization-details.json\n".to_owned();
    }
    let mut text = String::new();
    let of = |admin: Admin| answers.iter().filter(|answer| answer.admin == admin).count();
    let heading = format!(
        "{} of {} principals are administrators, {} can become one, of {} it is not known.",
        of(Admin::Is),
        answers.len(),
        of(Admin::Can),
        of(Admin::Unknown)
    );
    let _ = writeln!(text, "{}\n", output.strong(&wrap(&heading, columns(), "", "")));
    for answer in answers {
        let word = match answer.admin {
            Admin::Is => "is     ",
            Admin::Can => "can    ",
            Admin::No => "no     ",
            Admin::Unknown => "unknown",
        };
        let _ = writeln!(text, "{}", fit(&format!("{word}  {}", answer.principal), columns()));
        for step in &answer.steps {
            let _ = writeln!(text, "{}", wrap(&step.text, columns(), "         → ", "           "));
        }
        for open in &answer.open {
            let _ = writeln!(
                text,
                "{}",
                wrap(&format!("not known: {open}"), columns(), "         ? ", "           ")
            );
        }
    }
    text
}
