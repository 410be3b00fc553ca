use proptest::prelude::*;

use super::*;

const LINE: &str = r#"203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 203023 "http://example.org/" "Mozilla/5.0""#;

fn parse(line: &str, format: LogFormat) -> Result<[String; 6], (LineError, i64)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let request = LineParser::default().parse(line.as_bytes(), format).map_err(|bad| (bad, 0))?;
    let of_combined = |part: Option<&[u8]>| part.map_or_else(|| "none".to_owned(), text);
    Ok([
        text(request.address),
        text(request.method),
        text(request.target),
        text(request.status),
        of_combined(request.referrer),
        of_combined(request.agent),
    ])
}

fn error_of(line: &str) -> LineError {
    parse(line, LogFormat::Combined).unwrap_err().0
}

fn time(text: &str) -> Option<i64> {
    let line = LINE.replace("17/May/2015:10:05:03 +0000", text);
    LineParser::default().parse(line.as_bytes(), LogFormat::Combined).ok().map(|request| request.time_s)
}

#[test]
fn a_line_is_parsed_into_its_parts() {
    let want = ["203.0.113.7", "GET", "/a?b", "200", "http://example.org/", "Mozilla/5.0"].map(str::to_owned);
    for line in [LINE.to_owned(), format!("{LINE}\r"), format!("{LINE} "), format!("{LINE} \"1.2.3.4\" 0.003")] {
        assert_eq!(parse(&line, LogFormat::Combined), Ok(want.clone()), "{line}");
    }
    let common = LINE.split(" \"http").next().unwrap();
    let want = ["203.0.113.7", "GET", "/a?b", "200", "none", "none"].map(str::to_owned);
    assert_eq!(parse(common, LogFormat::Common), Ok(want));
}

#[test]
fn all_forms_of_names_sizes_versions_and_quotes_are_parsed() {
    for (from, to, part, want) in [
        ("203.0.113.7", "2001:db8::1", 0, "2001:db8::1"),
        ("203.0.113.7", "host.example", 0, "host.example"),
        ("- - [", "- Jane Roe [", 1, "GET"),
        (" 203023", " -", 3, "200"),
        ("GET /a?b HTTP/1.1", "GET /a?b", 2, "/a?b"),
        ("GET /a?b HTTP/1.1", "PROPFIND /a?b HTTP/2", 1, "PROPFIND"),
        ("/a?b", r#"/\"a\"?\\"#, 2, r#"/\"a\"?\\"#),
        ("Mozilla/5.0", r#"a \"quoted\" agent\\"#, 5, r#"a \"quoted\" agent\\"#),
        ("http://example.org/", "-", 4, "-"),
        ("http://example.org/", "", 4, ""),
    ] {
        let parts = parse(&LINE.replace(from, to), LogFormat::Combined);
        assert_eq!(parts.unwrap()[part], want, "{to}");
    }
}

#[test]
fn each_syntax_error_is_named() {
    for (line, want) in [
        ("", LineError::Beginning),
        ("203.0.113.7", LineError::Beginning),
        (" - - [17/May/2015:10:05:03 +0000] ", LineError::Beginning),
        ("203.0.113.7 - - 17/May/2015:10:05:03 +0000", LineError::Beginning),
        (&LINE.replace("May", "Mai"), LineError::Time),
        (&LINE.replace("\"GET", "GET"), LineError::Request),
        (&LINE.replace("GET", "get"), LineError::Request),
        (&LINE.replace("GET /a?b HTTP/1.1", ""), LineError::Request),
        (&LINE.replace("GET /a?b HTTP/1.1", "-"), LineError::Request),
        (&LINE.replace("GET /a?b HTTP/1.1", r"\x16\x03\x01"), LineError::Request),
        (&LINE.replace("GET /a?b HTTP/1.1", "GET /a b HTTP/1.1"), LineError::Request),
        (&LINE.replace("GET /a?b HTTP/1.1", "GET /a?b SPDY"), LineError::Request),
        (&LINE.replace("GET /a?b HTTP/1.1", "GET  HTTP/1.1"), LineError::Request),
        (&LINE[..60], LineError::Request),
        (&LINE.replace(" 200 ", " 20 "), LineError::Status),
        (&LINE.replace(" 203023", " 2.3"), LineError::Status),
        (&LINE.replace(" 203023", " "), LineError::Status),
        (LINE.split(" \"http").next().unwrap(), LineError::Agent),
        (LINE.strip_suffix('"').unwrap(), LineError::Agent),
        (&LINE.replace("Mozilla/5.0", r"Mozilla\"), LineError::Agent),
        (&format!("{LINE}x"), LineError::Agent),
    ] {
        assert_eq!(error_of(line), want, "{line}");
    }
    assert_eq!(parse(LINE, LogFormat::Common).unwrap_err().0, LineError::More);
}

#[test]
fn a_time_is_parsed_with_its_offset() {
    for (text, want) in [
        ("17/May/2015:10:05:03 +0000", Some(1_431_857_103)),
        ("17/May/2015:12:05:03 +0200", Some(1_431_857_103)),
        ("17/May/2015:00:35:03 -0930", Some(1_431_857_103)),
        ("29/Feb/2024:23:59:59 +0000", Some(1_709_251_199)),
        ("29/Feb/2023:23:59:59 +0000", None),
        ("00/May/2015:10:05:03 +0000", None),
        ("17/May/2015:24:00:00 +0000", None),
        ("17/May/2015:10:60:03 +0000", None),
        ("17/May/2015:10:05:60 +0000", None),
        ("17/May/2015:10:05:03 0000", None),
        ("17/May/2015 10:05:03 +0000", None),
        ("7/May/2015:10:05:03 +0000", None),
        ("17/May/2015:10:05:03 +00:00", None),
        ("17/May/2015:10:05:0x +0000", None),
    ] {
        assert_eq!(time(text), want, "{text}");
    }
}

#[test]
fn the_cached_date_is_used_only_for_itself() {
    let mut parser = LineParser::default();
    let mut at = |text: &str| {
        let line = LINE.replace("17/May/2015:10:05:03 +0000", text);
        parser.parse(line.as_bytes(), LogFormat::Combined).map(|request| request.time_s)
    };
    let first = at("17/May/2015:00:00:00 +0000").unwrap();
    assert_eq!(at("18/May/2015:00:00:00 +0000"), Ok(first + 86_400));
    assert_eq!(at("17/May/2015:00:00:01 +0000"), Ok(first + 1));
    assert_eq!(at("99/May/2015:00:00:00 +0000"), Err(LineError::Time));
    assert_eq!(at("17/May/2015:00:00:02 +0000"), Ok(first + 2));
}

proptest! {
    #[test]
    fn any_time_is_parsed_as_the_calendar_formats_it(time_s in 0i64..4_000_000_000, quarters in -48i32..=56) {
        let offset = jiff::tz::Offset::from_seconds(quarters * 900).unwrap();
        let text = offset.to_datetime(jiff::Timestamp::from_second(time_s).unwrap()).strftime("%d/%b/%Y:%H:%M:%S");
        let (sign, minutes) = (if quarters < 0 { '-' } else { '+' }, quarters.abs() * 15);
        prop_assert_eq!(time(&format!("{text} {sign}{:02}{:02}", minutes / 60, minutes % 60)), Some(time_s));
    }

    #[test]
    fn any_bytes_parse_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..LINE.len()) {
        let mut line = LINE.as_bytes()[..cut].to_vec();
        line.extend(bytes);
        for format in [LogFormat::Combined, LogFormat::Common] {
            let _either = LineParser::default().parse(&line, format).is_ok();
        }
    }

    #[test]
    fn any_agent_and_referrer_are_returned_as_the_server_escaped_them(agent in "[ -~]{0,60}", referrer in "[ -~]{0,60}") {
        let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let line = LINE.replace("http://example.org/", "(r)").replace("Mozilla/5.0", &escape(&agent));
        let line = line.replace("(r)", &escape(&referrer));
        prop_assume!(!agent.contains("(r)"));
        let parts = parse(&line, LogFormat::Combined).unwrap();
        prop_assert_eq!(&parts[4], &escape(&referrer));
        prop_assert_eq!(&parts[5], &escape(&agent));
    }
}
