//! The log lines of one day. The same seed and date give the same lines.

use jiff::civil::Date;
use schema::day::Day;

use crate::random::Random;
use crate::world::{ASSETS, BROWSERS, HOURS, LOST, PAGES, Page, REFERRERS, ROBOTS, WEEK, page_weight};

const SITE: &str = "https://example.org";
const DAY_S: u64 = 86_400;

/// The requests of a day, in the order in which they are generated.
struct Requests {
    date: Date,
    random: Random,
    lines: Vec<(u64, String)>,
}

/// A browser or a robot.
struct Client {
    address: String,
    agent: &'static str,
}

/// The lines of the day, ordered by time. All of them are within the UTC day.
pub(crate) fn lines(seed: u64, day: Day, visitors_per_day: u64) -> Vec<String> {
    let date = day.date();
    let mut requests = Requests { date, random: Random::of(seed, day.0), lines: Vec::new() };
    let share = WEEK[usize::try_from(date.weekday().to_monday_zero_offset()).expect("a week has 7 days")];
    let visitors = visitors_per_day * share * requests.random.between(92, 108) / 10_000;
    (0..visitors).for_each(|_| requests.add_visitor());
    (0..visitors.div_ceil(8)).for_each(|_| requests.add_robot());
    requests.add_monitor();
    requests.lines.sort_by_key(|(second, _)| *second);
    requests.lines.into_iter().map(|(_, line)| line).collect()
}

impl Requests {
    fn add_visitor(&mut self) {
        // Each address is in a /24 of its own, so that visitors differ after truncation. All are private (RFC 1918).
        let n = self.random.below(1 << 24);
        let client = Client {
            address: format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255),
            agent: self.random.pick(BROWSERS, |(_, weight)| *weight).0,
        };
        let visits = 1 + u64::from(self.random.per_mille(120)) + u64::from(self.random.per_mille(30));
        let hours: Vec<(u64, u64)> = (0..).zip(HOURS.iter().copied()).collect();
        let mut second = self.random.pick(&hours, |(_, awake)| *awake).0 * 3600 + self.random.below(3600);
        for n in 0..visits {
            second = self.add_visit(&client, second, n == 0);
            // A visit ends after 30 minutes without a page. The next visit begins later than that.
            second += self.random.between(35 * 60, 5 * 3600);
        }
    }

    /// Adds one visit; returns the second of its last page.
    fn add_visit(&mut self, client: &Client, mut second: u64, first: bool) -> u64 {
        let mut referrer = self.random.pick(REFERRERS, |(_, weight)| *weight).0.to_owned();
        let mut seen: Option<&Page> = None;
        loop {
            // The next page is rarely the current one.
            let mut page = self.random.pick(PAGES, page_weight);
            if seen.is_some_and(|seen| std::ptr::eq(seen, page)) {
                page = self.random.pick(PAGES, page_weight);
            }
            if self.random.per_mille(12) {
                let path = *self.random.pick(LOST, |_| 1);
                self.request(client, second, "GET", path, 404, 3_020, &referrer);
            } else {
                let status = if self.random.per_mille(2) { 503 } else { 200 };
                self.request(client, second, "GET", page.path, status, page.bytes, &referrer);
            }
            let here = format!("{SITE}{}", page.path);
            if seen.is_none() {
                let status = if first { 200 } else { 304 };
                for asset in ASSETS {
                    self.request(client, second + 1, "GET", asset.path, status, asset.bytes, &here);
                }
            }
            if page.path == "/contact" && self.random.per_mille(150) {
                self.request(client, second + 60, "POST", "/contact", 303, 0, &here);
            }
            if !self.random.per_mille(560) {
                return second;
            }
            second += self.random.between(4, 45) * self.random.between(1, 9);
            (seen, referrer) = (Some(page), here);
        }
    }

    fn add_robot(&mut self) {
        let client = Client {
            address: format!("10.{}.0.{}", self.random.below(4), self.random.below(256)),
            agent: self.random.pick(ROBOTS, |(_, weight)| *weight).0,
        };
        let second = self.random.below(DAY_S);
        let page = &PAGES[self.random.below(PAGES.len() as u64) as usize];
        self.request(&client, second, "GET", "/robots.txt", 200, 118, "-");
        self.request(&client, second + 2, "GET", page.path, 200, page.bytes, "-");
    }

    /// Adds an uptime monitor that sends a request every 5 minutes.
    fn add_monitor(&mut self) {
        let client = Client { address: "10.9.9.9".to_owned(), agent: "monitor/1.0" };
        for second in (17..DAY_S).step_by(300) {
            self.request(&client, second, "HEAD", "/", 200, 0, "-");
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a line, in their order")]
    fn request(&mut self, client: &Client, s: u64, method: &str, path: &str, status: u16, bytes: u64, referrer: &str) {
        if s >= DAY_S {
            return; // the part of a visit after midnight is dropped
        }
        let Client { address, agent } = client;
        let time = format!("{}:{:02}:{:02}:{:02} +0000", self.date.strftime("%d/%b/%Y"), s / 3600, s / 60 % 60, s % 60);
        let size = if status == 304 { 0 } else { bytes };
        let line =
            format!("{address} - - [{time}] \"{method} {path} HTTP/1.1\" {status} {size} \"{referrer}\" \"{agent}\"");
        self.lines.push((s, line));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn day(text: &str) -> Vec<String> {
        lines(7, text.parse().unwrap(), 500)
    }

    fn fields(lines: &[String], n: usize) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for line in lines {
            *counts.entry(line.split('"').nth(n).unwrap()).or_default() += 1;
        }
        counts
    }

    #[test]
    fn a_day_depends_only_on_its_seed_and_date() {
        let monday = day("2026-11-16");
        assert_eq!(monday, day("2026-11-16"));
        assert_ne!(monday, day("2026-11-17"));
        assert_ne!(monday, lines(8, "2026-11-16".parse().unwrap(), 500));
    }

    #[test]
    fn lines_are_ordered_by_time_and_within_the_day() {
        let lines = day("2026-11-16");
        let times: Vec<&str> = lines.iter().map(|line| &line[line.find('[').unwrap()..][..22]).collect();
        assert!(times.is_sorted() && times.iter().all(|time| time.starts_with("[16/Nov/2026:")));
    }

    #[test]
    fn the_log_resembles_that_of_a_real_site() {
        let (monday, saturday) = (day("2026-11-16"), day("2026-11-21"));
        assert!(monday.len() > saturday.len() && monday.len() > 4_000, "{} {}", monday.len(), saturday.len());
        let requests = fields(&monday, 1);
        let views = |page: &Page| requests.get(format!("GET {} HTTP/1.1", page.path).as_str()).copied().unwrap_or(0);
        assert!(views(&PAGES[0]) > 2 * views(&PAGES[4]) && PAGES.iter().all(|page| views(page) > 0));
        assert!(fields(&monday, 3).len() >= REFERRERS.len() && fields(&monday, 5).len() > BROWSERS.len());
        let statuses: HashSet<&str> =
            monday.iter().filter_map(|line| line.split('"').nth(2)?.split(' ').nth(1)).collect();
        assert!(statuses.is_superset(&HashSet::from(["200", "303", "304", "404"])), "{statuses:?}");
        let addresses: HashSet<&str> = monday.iter().filter_map(|line| line.split(' ').next()).collect();
        assert!(addresses.len() > 400 && addresses.iter().all(|address| address.starts_with("10.")));
    }
}
