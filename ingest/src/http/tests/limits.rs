//! Refusals by sender: referrer spam, the rate limit of a prefix, the site's own staff.

use super::*;
use crate::client::{Proxies, ProxyHeader};
use crate::rate::Rate;

/// A collector that trusts the proxy of all requests.
fn rig(header: ProxyHeader, hits_per_minute_max: u32) -> Rig {
    Rig::changed(|collector| {
        collector.proxies = Proxies { trusted: vec!["198.51.100.0/24".parse().unwrap()], header };
        collector.rate = Rate::new(hits_per_minute_max, now_s());
    })
}

/// Why the hit was refused; empty if it was stored.
async fn dropped<S, B>(app: &S, request: TestRequest) -> String
where
    S: Service<Request, Response = Response<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let (status, headers, _) = send(app, request).await;
    assert!(matches!(status, 200 | 202), "a refusal is answered like a hit: {status}");
    header(&headers, "x-footfall-dropped").to_owned()
}

#[actix_web::test]
async fn a_prefix_over_the_limit_of_a_site_is_refused() {
    let rig = rig(ProxyHeader::XForwardedFor, 5);
    let app = app!(rig);
    let from = |address: &str, site: &str| {
        let body = format!(r#"{{"n":"pageview","u":"https://{site}/x","d":"{site}"}}"#);
        post(&body).insert_header(("x-forwarded-for", address.to_owned()))
    };
    let mut refused = 0;
    for n in 0..20 {
        refused += usize::from(dropped(&app, from(&format!("203.0.113.{n}"), "example.org")).await == "rate_limit");
    }
    // The test may take seconds, and one more hit is admitted every twelve seconds.
    assert!((13..=15).contains(&refused), "{refused}");
    for (address, site) in
        [("203.0.114.1", "example.org"), ("203.0.113.1", "counts.example"), ("2001:db8::1", "example.org")]
    {
        assert_eq!(dropped(&app, from(address, site)).await, "", "{address} {site}");
    }
    let curl = from("203.0.113.1", "example.org").insert_header(("user-agent", "curl/8.5.0"));
    assert_eq!(dropped(&app, curl).await, "bot", "other reasons are checked before the rate");
    let pixel = get("/f.gif?d=example.org&p=/").insert_header(("x-forwarded-for", "203.0.113.1"));
    assert_eq!(dropped(&app, pixel).await, "rate_limit");
    let records = rig.stopped();
    assert_eq!(refusals(&records)[&(1, "rate_limit", String::new())], refused as u64 + 1);
}

#[actix_web::test]
async fn a_hit_with_a_spam_referrer_is_refused() {
    let rig = Rig::new();
    let app = app!(rig);
    let from = |referrer: &str| {
        post(&format!(r#"{{"n":"pageview","u":"https://example.org/","d":"example.org","r":"{referrer}"}}"#))
    };
    assert_eq!(dropped(&app, from("https://buy.SPAM.example/now?x")).await, "referrer_spam");
    assert_eq!(dropped(&app, from("https://notspam.example/")).await, "");
    assert_eq!(dropped(&app, from("https://spam.example/").insert_header(("dnt", "1"))).await, "dnt");
    rig.stopped();
    assert_eq!((rig.events().len(), rig.fate("referrer_spam")), (1, 1));
}

#[actix_web::test]
async fn a_sites_own_staff_is_recognised_by_network_or_cookie() {
    let rig = rig(ProxyHeader::XForwardedFor, 0);
    let app = app!(rig);
    let on = |site: &str| post(&format!(r#"{{"n":"pageview","u":"https://{site}/","d":"{site}"}}"#));
    let of = |site: &str, address: &str| on(site).insert_header(("x-forwarded-for", address.to_owned()));
    for (request, want) in [
        (of("counts.example", "192.0.2.200"), "own_traffic"),
        (of("counts.example", "2001:db8:77:1::5"), "own_traffic"),
        (of("counts.example", "192.0.3.200"), ""),
        (of("example.org", "192.0.2.200"), ""),
        (on("example.org").insert_header(("cookie", "a=b; footfall_own=1")), "own_traffic"),
        (on("example.org").insert_header(("cookie", "footfall_own=0")), ""),
        (on("example.org").insert_header(("cookie", "footfall_own=1; footfall_optout=1")), "opt_out"),
    ] {
        assert_eq!(dropped(&app, request).await, want);
    }
}

#[actix_web::test]
async fn only_the_header_that_proxies_write_is_read() {
    for (header, theirs, forged) in [
        (ProxyHeader::XForwardedFor, "x-forwarded-for", "forwarded"),
        (ProxyHeader::Forwarded, "forwarded", "x-forwarded-for"),
    ] {
        let rig = rig(header, 0);
        let app = app!(rig);
        let value = |name: &str, address: &str| match name {
            "forwarded" => format!("for={address}"),
            _ => address.to_owned(),
        };
        for forgery in ["192.0.2.1", "192.0.2.2", "2001:db8::9"] {
            let request = post(&pageview("/")).insert_header((theirs, value(theirs, "203.0.113.77")));
            assert_eq!(dropped(&app, request.insert_header((forged, value(forged, forgery)))).await, "");
        }
        let tags: Vec<u64> = rig
            .events()
            .iter()
            .map(|kept| if let Kept::Event { tag, .. } = kept { *tag } else { unreachable!() })
            .collect();
        assert!(tags.len() == 3 && tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
    }
}
