//! The stats API and the pages that show its numbers.
//!
//! ```text
//! http       requests and responses: JSON, headers, limits
//! auth       tokens, and which sites each sees
//! stats_api  questions -> answers: finds the site, plans, reads each site's days once, answers
//! question   JSON -> a question that can be answered, or a sentence that names what to ask instead
//! words      the metrics and breakdowns of the API
//! range      which days a question is about, in the site's time zone
//! plan       a question and its days -> which view, and how much of each round is read
//! sources    the rounds of a site, with what each publishes: `live` computes it from the live tables and caches it
//! answer     what rounds publish -> results, and what is missing of them
//! openapi    the API as a document; the page's types are generated from it
//! assets     the built pages
//! metrics    what Prometheus scrapes
//! ```
//!
//! Every number but a day's bare totals has passed `crowd`. SQL is in `warehouse`.

pub mod answer;
mod assets;
pub mod auth;
pub mod http;
pub mod metrics;
mod openapi;
pub mod plan;
pub mod question;
pub mod range;
pub mod sources;
pub mod stats_api;
pub mod words;

pub use auth::ApiToken;
pub use http::configure;
pub use stats_api::StatsApi;
