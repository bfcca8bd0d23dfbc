//! `validate` and `retest`.

use anyhow::{Result, bail};

use crate::args::Global;
use crate::output::{Gate, Output};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Validate,
    Retest,
}

pub(crate) fn run(
    _global: &Global,
    _output: &Output,
    _ids: &[String],
    _dry_run: bool,
    _why: Why,
) -> Result<Gate> {
    bail!("not part of this build")
}
