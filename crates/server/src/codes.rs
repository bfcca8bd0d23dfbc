//! The error codes of the API: the one table. Codes are a contract; none is ever reused for
//! something else.

/// What a client can tell one kind of error from another by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) name: &'static str,
    /// HTTP status.
    pub(crate) status: u16,
    /// The same for every error of this code.
    pub(crate) title: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $status:literal $name:literal $title:literal;)*) => {
        $(pub(crate) const $constant: &Code = &Code { name: $name, status: $status, title: $title };)*
        /// All of them, for the API's description.
        pub(crate) const TABLE: &[&Code] = &[$($constant),*];
    };
}

codes! {
    INVALID_REQUEST = 400 "invalid_request" "The request has a mistake";
    UNKNOWN_FORMAT = 400 "unknown_format" "There is no report format of this name";
    EXPOSURE_AMBIGUOUS = 400 "exposure_ambiguous" "Several exposures have ids that begin so";
    CROSS_SITE_WRITE = 403 "cross_site_write" "Another web page may not write here";
    NOT_FOUND = 404 "not_found" "There is nothing at this address";
    EXPOSURE_NOT_FOUND = 404 "exposure_not_found" "There is no such live exposure in scope";
    CROWN_JEWEL_NOT_FOUND = 404 "crown_jewel_not_found" "The scope names no such crown jewel";
    RUN_NOT_FOUND = 404 "run_not_found" "No ranking of this number is kept";
    METHOD_NOT_ALLOWED = 405 "method_not_allowed" "This address does not take this method";
    RUN_NOT_REPLAYABLE = 409 "run_not_replayable" "Another version of Bartizan made this ranking";
    BODY_TOO_LARGE = 413 "body_too_large" "The body is too large";
    WRONG_HOST = 421 "wrong_host" "The request does not name this computer";
    REPORT_REFUSED = 422 "report_refused" "The report cannot be read; nothing changed";
    INTERNAL = 500 "internal" "Bartizan made a mistake";
    STORE_UNUSABLE = 500 "store_unusable" "The store cannot be used";
    TOO_BUSY = 503 "too_busy" "Too many requests for this are under way";
    TIMED_OUT = 503 "timed_out" "The answer took too long";
    STORE_BUSY = 503 "store_busy" "Another process is writing to the store";
    STORE_FULL = 507 "store_full" "The disk is full";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_there_once_and_is_an_error() {
        for (number, code) in TABLE.iter().enumerate() {
            assert!((400..600).contains(&code.status), "{}", code.name);
            assert!(code.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", code.name);
            assert!(TABLE[number + 1..].iter().all(|other| other.name != code.name), "{}", code.name);
        }
    }
}
