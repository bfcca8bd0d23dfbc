//! The one table of all rule files and weakness files that come with the product, in their order.

macro_rules! files {
    ($folder:literal: $($name:literal,)*) => {
        &[$((
            concat!("rules/", $folder, "/", $name, ".yaml"),
            include_str!(concat!("../../../../rules/", $folder, "/", $name, ".yaml")),
        ),)*]
    };
}

/// Attack rules: name and text.
pub const ATTACK_RULES: &[(&str, &str)] = files! { "attack":
    "entries",
    "reaches",
    "exploits",
    "escalates",
    "secrets",
    "identities",
    "directory",
    "cloud",
    "containers",
    "deploys",
};

/// Classes of weaknesses: name and text.
pub const WEAKNESS_CLASSES: &[(&str, &str)] = files! { "weaknesses":
    "served",
    "unprotected",
    "web",
    "configuration",
    "secrets",
};
