//! Lines of logs: single ones, and random logs with everything that makes counting difficult.

use jiff::Timestamp;
use jiff::tz::Offset;
use schema::clock;
use schema::day::Day;
use schema::zone::Zone;

/// The user agent of a browser.
pub(super) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";

/// A date that is closed in every zone and not old.
pub(super) fn some_day() -> Day {
    Zone::utc().at(clock::now_s()).day.plus(-40)
}

/// `17/May/2015:10:05:03 +0000`, with the offset of a server that is this far ahead of UTC.
pub(super) fn time(time_s: i64, ahead_minutes: i32) -> String {
    let offset = Offset::from_seconds(ahead_minutes * 60).unwrap();
    let local = offset.to_datetime(Timestamp::from_second(time_s).unwrap()).strftime("%d/%b/%Y:%H:%M:%S");
    let sign = if ahead_minutes < 0 { '-' } else { '+' };
    format!("{local} {sign}{:02}{:02}", ahead_minutes.abs() / 60, ahead_minutes.abs() % 60)
}

/// A whole line of a log.
pub(super) fn line(address: &str, time_s: i64, request: &str, status: u16, agent: &str) -> String {
    format!("{address} - - [{}] \"{request}\" {status} 2326 \"-\" \"{agent}\"\n", time(time_s, 0))
}

/// A log of `lines` lines from `from_s` on, with few visitors. Times stay equal, jump by about half an hour, and go
/// back.
pub(super) fn log(mut seed: u64, from_s: i64, until_s: i64, lines: usize) -> Vec<u8> {
    let mut below = move |n: usize| {
        // xorshift64*. It only has to give the same numbers every time.
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        (seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    };
    let addresses = [
        "203.0.113.7",
        "203.0.113.250",
        "203.0.114.7",
        "198.51.100.1",
        "::ffff:198.51.100.9",
        "2001:db8:1:2::3",
        "2001:db8:1:f::1",
        "2001:db8:2::1",
        "host.example",
        "other.example",
        "-",
        "192.0.2.1",
        "192.0.3.1",
        "192.0.4.1",
        "192.0.5.1",
    ];
    let agents =
        [FIREFOX, r#"an \"agent\" \\"#, "-", "", "Googlebot/2.1 (+http://www.google.com/bot.html)", "caf\u{e9}"];
    let targets = [
        "/",
        "/",
        "/a",
        "/a?x=1",
        "/a?y=/b.css",
        "/b/",
        "/b",
        "/caf%C3%A9",
        "/caf\u{e9}",
        "/d.html",
        "http://example.org/a?x",
        "*",
        "/%2541",
        "/a;b",
        "/x.css",
        "/x.js?v=2",
        "/y.PNG",
        "/z.tar.gz",
        "/.xml",
        "http://example.org/x.css",
        "/css/",
        "/a.css/b",
    ];
    let statuses = [200, 200, 200, 200, 200, 200, 304, 304, 404, 404, 410, 500, 503, 301, 206, 403];
    let jumps = [0, 0, 0, 1, 1, 2, 7, 60, 61, 899, 1799, 1800, 1801, 3600, -1, -2, -60, -1799, -1800, -1801];
    let step = ((until_s - from_s) / lines as i64).max(1);
    let mut log = Vec::new();
    let mut time_s = from_s;
    for n in 0..lines as i64 {
        time_s = (time_s + jumps[below(jumps.len())]).clamp(from_s, until_s - 1);
        if below(20) == 0 {
            time_s = from_s + n * step;
        }
        let (address, agent, target) =
            (addresses[below(addresses.len())], agents[below(agents.len())], targets[below(targets.len())]);
        let method = ["GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "POST"][below(10)];
        let version = ["HTTP/1.1", "HTTP/1.0", "HTTP/2"][below(3)];
        let time = time(time_s, [0, 0, 0, 330, -210, 120][below(6)]);
        let user = ["-", "-", "jane", "jane roe"][below(4)];
        let status = statuses[below(statuses.len())];
        let referrer =
            ["-", "", "https://www.google.com/", "https://example.org/a", "https://blog.example.net/x"][below(5)];
        let size = ["0", "2326", "-"][below(3)];
        let text = format!(
            "{address} - {user} [{time}] \"{method} {target} {version}\" {status} {size} \"{referrer}\" \"{agent}\""
        );
        match below(60) {
            0 => log.extend_from_slice(&text.as_bytes()[..text.floor_char_boundary(below(text.len()))]),
            1 => log.extend(text.bytes().map(|b| if b == b'/' { 0xe9 } else { b })),
            _ => log.extend_from_slice(text.as_bytes()),
        }
        log.extend_from_slice([&b"\n"[..], b"\n", b"\r\n"][below(3)]);
    }
    log
}
