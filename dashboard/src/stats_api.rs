//! Answers questions: finds the site of each, plans, reads the rounds, answers.
//!
//! In: a token and parsed questions. Out: answers, or an error for each question. This module does not know HTTP.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use schema::day::Day;
use schema::sites::{CurrentSites, Site, Sites};
use serde::Serialize;
use utoipa::ToSchema;
use warehouse::Warehouse;

use crate::answer::{Answer, answer};
use crate::auth::{AccessDenied, ApiToken, ApiTokens};
use crate::plan::Plan;
use crate::question::{Question, Unanswerable};
use crate::range::{DateRange, DaySpan};
use crate::sources::live::LiveSource;
use crate::sources::{Detail, KnownRound};

/// The sites, the tokens and the numbers.
pub struct StatsApi {
    sites: Arc<CurrentSites>,
    tokens: ArcSwap<ApiTokens>,
    live: LiveSource,
}

/// A site that a token sees.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Site)]
pub struct VisibleSite {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub domain: String,
    /// Its IANA time zone.
    pub time_zone: String,
    /// k: values of fewer visitors than this on a day are in "(other)".
    pub crowd: u32,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// The question has to be changed.
    #[error(transparent)]
    Unanswerable(#[from] Unanswerable),
    /// The token does not see the site, or there is no token.
    #[error(transparent)]
    Denied(#[from] AccessDenied),
    /// ClickHouse did not answer. The same question may be answered later.
    #[error("the statistics cannot be read right now: ask again in a moment")]
    ClickHouse(#[from] warehouse::Error),
}

/// A question, its site, and what answers it.
struct PlannedQuestion {
    question: Question,
    site: Arc<Site>,
    plan: Plan,
}

/// Which rounds were read: a site's number and its days.
type ReadKey = (u32, DaySpan);

impl StatsApi {
    /// `step`: how often the numbers of open days are computed anew. Zero: for each question, if anything is new.
    pub fn new(
        sites: Arc<CurrentSites>,
        tokens: Vec<ApiToken>,
        step: Duration,
        client: clickhouse::Client,
    ) -> StatsApi {
        let live = LiveSource::new(Warehouse::new(client), step);
        StatsApi { sites, tokens: ArcSwap::from_pointee(ApiTokens::new(tokens)), live }
    }

    /// Replaces the tokens. Call it after the sites were replaced: it drops all cached numbers, because a site's k may
    /// have changed.
    pub fn replace_tokens(&self, tokens: Vec<ApiToken>) {
        self.tokens.store(Arc::new(ApiTokens::new(tokens)));
        self.live.clear();
    }

    /// The token in an `Authorization` header.
    pub(crate) fn token(&self, header: Option<&str>) -> Result<ApiToken, AccessDenied> {
        self.tokens.load().of(header).cloned()
    }

    /// The sites that the token sees.
    pub(crate) fn sites(&self, token: &ApiToken) -> Vec<VisibleSite> {
        let sites = self.sites.get();
        let visible = token.sees(&sites).map(|site| VisibleSite {
            id: site.id,
            domain: site.domain.clone(),
            time_zone: site.zone.name().to_owned(),
            crowd: site.crowd,
        });
        visible.collect()
    }

    /// Answers one question. `now_s`: UTC seconds.
    pub(crate) async fn answer(
        &self,
        token: &ApiToken,
        question: Question,
        now_s: i64,
    ) -> Result<Answer, QuestionError> {
        let answers = self.answer_many(token, vec![Ok(question)], now_s).await?;
        answers.into_iter().next().expect("as many answers as questions")
    }

    /// Answers questions in order. Each pair of a site and days is read once. The outer error is a fault of ClickHouse.
    pub(crate) async fn answer_many(
        &self,
        token: &ApiToken,
        questions: Vec<Result<Question, Unanswerable>>,
        now_s: i64,
    ) -> Result<Vec<Result<Answer, QuestionError>>, warehouse::Error> {
        let sites = self.sites.get();
        let mut first_days = HashMap::new();
        let mut planned = vec![];
        for question in questions {
            planned.push(match question {
                Ok(question) => match self.plan(token, &sites, question, &mut first_days, now_s).await {
                    Err(QuestionError::ClickHouse(error)) => return Err(error),
                    other => other,
                },
                Err(unanswerable) => Err(unanswerable.into()),
            });
        }
        let rounds = self.read(planned.iter().flatten(), now_s).await?;
        let answers = planned.into_iter().map(|planned| {
            let planned = planned?;
            let rounds = rounds.get(&planned.key()).map_or(&[][..], Vec::as_slice);
            Ok(answer(&planned.question, &planned.plan, &planned.site, rounds))
        });
        Ok(answers.collect())
    }

    /// `first_days`: by site, the first day with a visit, as far as it was read for this request.
    async fn plan(
        &self,
        token: &ApiToken,
        sites: &Sites,
        question: Question,
        first_days: &mut HashMap<u32, Option<Day>>,
        now_s: i64,
    ) -> Result<PlannedQuestion, QuestionError> {
        let site = Arc::clone(token.site(sites, &question.site_id)?);
        if question.date_range == DateRange::All && !first_days.contains_key(&site.id) {
            first_days.insert(site.id, self.live.first_day(site.id).await?);
        }
        let stored = first_days.get(&site.id).copied().flatten();
        let days = question.date_range.days(site.zone.at(now_s).day, stored);
        let plan = Plan::of(&question, days, token.live);
        Ok(PlannedQuestion { question, site, plan })
    }

    /// Reads the rounds of all questions, with the most detail that any question needs.
    async fn read(
        &self,
        planned: impl Iterator<Item = &PlannedQuestion>,
        now_s: i64,
    ) -> Result<HashMap<ReadKey, Vec<KnownRound>>, warehouse::Error> {
        let mut needed: HashMap<ReadKey, (&Site, Detail)> = HashMap::new();
        for planned in planned {
            let (_, detail) = needed.entry(planned.key()).or_insert((&planned.site, planned.plan.detail));
            *detail = planned.plan.detail.max(*detail);
        }
        let mut rounds = HashMap::new();
        for (key, (site, detail)) in needed {
            rounds.insert(key, self.live.rounds(site, key.1, detail, now_s).await?);
        }
        Ok(rounds)
    }
}

impl PlannedQuestion {
    fn key(&self) -> ReadKey {
        (self.site.id, self.plan.days)
    }
}
