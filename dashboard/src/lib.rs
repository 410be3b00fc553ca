//! Questions to answers: the stats API (`POST /api/v2/query`) and the pages that show it.
//!
//! ```text
//! http     requests and answers; JSON, headers, limits
//! auth     who asks, and which sites they may see
//! query    JSON -> a question that can be answered, or a sentence that says what to ask instead
//! range    which days a question is about, in the site's zone
//! live     days and rounds -> what each may say, kept; open ones at most once per step
//! answer   what days and rounds say -> results, and what was withheld
//! assets   the built pages
//! metrics  what Prometheus sees
//! ```
//!
//! Every number but a day's bare totals has passed `crowd`. What comes in from outside never becomes part of any SQL:
//! queries are made of our own column names, and numbers are bound.

pub mod http;
pub mod auth;
pub mod query;
pub mod range;
pub mod live;
pub mod answer;
mod assets;
pub mod metrics;

pub use auth::Token;
pub use http::{State, configure};
