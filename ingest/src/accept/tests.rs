//! No input makes any format panic, and the parsed hit is not longer than the input.

use proptest::prelude::*;

use super::*;

/// Text that often looks like a query.
fn any_query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "(p|e|r|q|s|b|site|idsite|rec|url|urlref|res|link|download|search|idgoal|ec_id|ec_items|e_c|e_a|e_n|e_v|c_n|c_i|cra)",
        "[a-z_]{0,6}",
    ];
    let value = prop_oneof!["1", "https?://[a-z.@:%/?#0-9]{0,30}", "\\PC{0,20}", "[a-z%0-9+,.-]{0,20}"];
    prop::collection::vec((name, value), 0..8)
        .prop_map(|all| all.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
}

/// JSON that often looks like a tracker's, and is sometimes broken.
fn any_json() -> impl Strategy<Value = Vec<u8>> {
    let key =
        "(type|payload|website|hostname|url|referrer|screen|name|data|lcp|engagement|requests|site|hits|ip|time|n|u)";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[0-9]{1,20}(\\.[0-9]{1,3})?",
        "\"(event|performance|identify|engagement|error|pageview)\"",
        "\"https?://[a-z.@:%/?#0-9]{0,30}\"",
        "\"[^\"\\\\\u{0}-\u{1f}]{0,20}\"",
        "\"(\\\\u00e9|\\\\n|a){0,9}\"",
    ];
    let value = leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec((key, inner.clone()), 0..6).prop_map(|all| {
                let all: Vec<_> = all.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", all.join(","))
            }),
            prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
        ]
    });
    let payload =
        |rest: String| format!(r#"{{"type":"event","payload":{{"website":"a.org","url":"/x","data":{rest}}}}}"#);
    let whole = prop_oneof![value.clone(), value.prop_map(payload)];
    (whole, any::<prop::sample::Index>(), any::<Option<u8>>()).prop_map(|(text, at, broken)| {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        if let Some(byte) = broken {
            bytes[at] = byte;
        }
        bytes
    })
}

/// Whether all text of a hit can be from the input, except for the few words that formats add.
fn bounded(sent: &Sent<'_>, length: usize) -> bool {
    let properties: usize = sent.properties.iter().map(|(name, value)| name.len() + value.len()).sum();
    let text = sent.domains.len() + sent.name.len() + sent.referrer.len() + sent.once.len();
    let page = sent.page.host().len() + sent.page.path().len() + sent.page.fragment().len();
    sent.properties.len() <= PROPERTIES_MAX + 2 && text + page + properties <= 4 * length + 200
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_query_is_a_hit_or_an_error(query in any_query(), form in any_query(), referer in "(https://[a-z./]{0,20})?") {
        let length = query.len() + form.len() + referer.len();
        let of_goatcounter = goatcounter::parse(&query, &referer, "");
        let of_matomo = matomo::parse(&query, form.as_bytes(), &referer);
        for sent in of_goatcounter.into_iter().chain(of_matomo.ok().flatten()) {
            prop_assert!(bounded(&sent, length), "{}", sent.name);
        }
    }

    #[test]
    fn any_body_is_a_hit_or_an_error(body in any_json()) {
        let hits = [plausible::parse(&body).ok(), umami::parse(&body).ok().flatten()];
        for sent in hits.iter().flatten() {
            prop_assert!(bounded(sent, body.len()), "{}", sent.name);
        }
        for one in umami::batch(&body).unwrap_or_default() {
            let _any = umami::parse(one.get().as_bytes());
        }
        for one in matomo::bulk(&body).unwrap_or_default() {
            let _any = matomo::parse(&one, b"", "");
        }
        for hit in server::parse(&body).iter().flat_map(|hits| hits.each("key")) {
            prop_assert!(hit.is_err() || hit.is_ok_and(|hit| bounded(&hit.sent, body.len())));
        }
    }
}
