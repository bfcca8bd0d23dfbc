//! What a report is about, when the report itself does not say.

use std::sync::Arc;

use bartizan_model::{AssetKind, Identifier, Scheme, Subject};

use crate::{Context, Header};

/// The repository of a report that names none: the one that a person named, else one known by the
/// report's file name, which is said as a problem.
pub(crate) fn repository(context: &Context, header: &mut Header) -> Arc<Subject> {
    named(context, header, AssetKind::Repository)
}

/// The same for any kind of asset.
pub(crate) fn named(context: &Context, header: &mut Header, kind: AssetKind) -> Arc<Subject> {
    if let Some(asset) = &context.asset {
        return Arc::clone(asset);
    }
    header.problem(
        "the document",
        format!("the report does not say what was scanned; its {kind} is called {:?} after the file; --asset names it", context.name),
    );
    Arc::new(Subject::new(kind, [Identifier::new(Scheme::Target, &context.name)]))
}
