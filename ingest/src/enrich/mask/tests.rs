use proptest::prelude::*;

use super::*;

fn masked(text: &str) -> String {
    let mut out = String::new();
    mask(text, &mut out);
    out
}

#[test]
fn identifiers_of_a_person_are_masked() {
    for (text, want) in [
        // e-mail addresses
        ("/u/x@y.z", "/u/(email)"),
        ("/u/jane.doe+news@mail.example.co.uk/edit", "/u/(email)/edit"),
        ("/unsubscribe;mail=jane@example.org;x", "/unsubscribe;mail=(email);x"),
        ("/müller@bücher.example", "/(email)"),
        ("/a@example.org,b@example.org", "/(email),(email)"),
        ("/reset/jane@example.org.", "/reset/(email)."),
        ("Signup jane@example.org", "Signup (email)"),
        // tokens
        ("/o/550e8400-e29b-41d4-a716-446655440000", "/o/(token)"),
        ("/o/550E8400-E29B-41D4-A716-446655440000.pdf", "/o/(token).pdf"),
        ("/reset/9f86d081884c7d659a2feaa0c55ad015", "/reset/(token)"),
        ("/u/507f1f77bcf86cd799439011/edit", "/u/(token)/edit"),
        ("/a;jsessionid=1A530637289A03B07199A44E8D531427", "/a;jsessionid=(token)"),
        ("/v/dGhpcyBpcyBhIHRlc3Qx-MjM0NTY3ODkwQUJDRA", "/v/(token)"),
        ("/magic/aZ3kP9qL0xW7rT2vB8nM", "/magic/(token)"),
        ("/login/k3j9x0q2m8z7v5b1n4c6", "/login/(token)"),
        ("/invite-aZ3kP9qL0xW7rT2vB8nM5y", "/(token)"),
        (
            "/j/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
            "/j/(token).(token).(token)",
        ),
        // cards (the networks' own test numbers)
        ("/pay/4111111111111111", "/pay/(card)"),
        ("/pay/5555-5555-5555-4444", "/pay/(card)"),
        ("/pay/3782 822463 10005", "/pay/(card)"),
        ("/pay/6011111111111117/ok", "/pay/(card)/ok"),
        ("/pay/30569309025904", "/pay/(card)"),
        // phone numbers
        ("/call/+33612345678", "/call/(phone)"),
        ("/call/+33 6 12 34 56 78", "/call/(phone)"),
        ("/call/+1-555-123-4567", "/call/(phone)"),
        ("/call/+44 (20) 7946-0958", "/call/(phone)"),
        ("/call/0033612345678", "/call/(phone)"),
        ("/call/0612345678", "/call/(phone)"),
        ("/call/06.12.34.56.78", "/call/(phone)"),
        ("/call/06-12-34-56-78-home", "/call/(phone)-home"),
        ("/call/020 7946 0958", "/call/(phone)"),
        ("/call/(555) 123-4567", "/call/(phone)"),
        ("/call/555.234.4567", "/call/(phone)"),
        ("/call/1-555-234-4567", "/call/(phone)"),
        ("/2026-11-24-0612345678", "/2026-11-24-(phone)"),
    ] {
        assert_eq!(masked(text), want);
    }
}

#[test]
fn names_of_pages_are_not_masked() {
    for text in [
        "/",
        "/blog/how-to-write-a-blog-post-in-2026",
        "/2026/11/24/a-post",
        "/2026-11-24",
        "/archive/2026-11-24-093015",
        "/events/24-11-2026",
        "/events/24.11.2026",
        "/log/01-02-2026-1030",
        "/article/1234567",
        "/article/1732433400",
        "/article/1732433400000",
        "/status/1861234567890123456",
        "/news/world-12345678",
        "/docs/v1.2.3/api",
        "/docs/10.15.7.2022/notes",
        "/package/serde@1.0.219",
        "/package/@scope/name@12.4.1-beta.2",
        "/@jane",
        "/watch/dQw4w9WgXcQ",
        "/commit/9f86d08",
        "/commit/9f86d081884c",
        "/HowToInstallUbuntu2404ServerOnARaspberryPi",
        "/wiki/List_of_ISO_639-2_codes_for_the_year_2026",
        "/How-To-Install-Ubuntu-24-04-LTS-On-A-Pi-5",
        "/iphone15-vs-pixel8-vs-galaxy-s24-ultra-2026",
        "/windows11upgrade2025guide",
        "/upgrade-from-postgresql-14-to-postgresql-17",
        "/files/report-2026-q3-final-v2.pdf",
        "/deadbeefdeadbeefdead",
        "/machine/192.168.100.200",
        "/product/978-3-16-148410-0",
        "/product/B08N5WRWNW",
        "/catégorie/épices/curcuma-bio-250g",
        "/search/c++/1+2",
        "/rfc/rfc9110#section-15.5.1",
        "/isbn/9783161484100",
        "/4111111111111112",
        "/presentations/logstash-monitorama-2013/images/kibana-search.png",
        "/blog/geekery/ssl-latency.html",
    ] {
        assert_eq!(masked(text), text);
    }
}

proptest! {
    #[test]
    fn an_e_mail_address_is_masked_at_any_position(
        before in "(/[a-z0-9-]{0,12}){0,4}[/ =:,;]",
        local in "[a-z0-9]{1,10}([._+-][a-z0-9]{1,5}){0,2}",
        domain in "[a-z0-9]{1,10}\\.[a-z]{1,6}",
        after in "([/ ,;][a-z-]{0,12}){0,4}",
    ) {
        let out = masked(&format!("{before}{local}@{domain}{after}"));
        prop_assert!(!out.contains('@') && out.contains("(email)"), "{}", out);
    }

    #[test]
    fn a_uuid_is_masked_at_any_position(before in "(/[a-z-]{0,12}){0,4}/", uuid: u128, after in "(/[a-z-]{0,12}){0,4}") {
        let hex = format!("{uuid:032x}");
        let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        let out = masked(&format!("{before}{uuid}{after}"));
        prop_assert!(out.contains("(token)"), "{}", out);
    }

    #[test]
    fn most_random_secrets_are_masked(secrets in prop::collection::vec(prop::array::uniform24(any::<u8>()), 100)) {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let text = |bytes: &[u8; 24]| bytes.iter().map(|b| char::from(LETTERS[usize::from(b % 64)])).collect::<String>();
        let missed = secrets.iter().filter(|secret| !masked(&format!("/reset/{}", text(secret))).contains("(token)")).count();
        prop_assert!(missed <= 30, "{} of 100 were not recognised", missed);
    }

    #[test]
    fn words_with_hyphens_are_not_masked(words in prop::collection::vec("[a-z]{1,12}", 1..12), year in 1990u32..2030) {
        let slug = format!("/{year}/{}", words.join("-"));
        prop_assert_eq!(masked(&slug), slug);
    }

    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,200}", digits in "[0-9 ().+@-]{0,60}") {
        masked(&text);
        masked(&digits);
    }
}
