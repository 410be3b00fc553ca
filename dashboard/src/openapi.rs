//! The OpenAPI document of the stats API, derived from its types.
//!
//! `dashboard/openapi.json` is the same document in a file. A test compares the two. The types of the page are
//! generated from the file.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::http;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Footfall stats API",
        description = "Web statistics. Every number but a day's bare totals has passed the crowd rule."
    ),
    paths(http::query, http::queries, http::sites, http::views),
    modifiers(&TokenScheme)
)]
struct StatsApiDocument;

struct TokenScheme;

impl Modify for TokenScheme {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of the configuration: `footfall token` makes one"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    StatsApiDocument::openapi()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// If the file differs it is written anew, so that the next run passes: look at the change, and commit it.
    #[test]
    fn the_committed_document_is_the_one_that_is_served() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let served = document().to_pretty_json().unwrap() + "\n";
        if std::fs::read_to_string(&file).unwrap_or_default() != served {
            std::fs::write(&file, served).unwrap();
            panic!("dashboard/openapi.json was not current. It is now: run `npm run api -w dashboard/web`, and commit");
        }
    }
}
