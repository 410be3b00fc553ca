//! The `[[site]]` tables.

use std::collections::HashSet;

use ipnet::IpNet;
use schema::goals::Goals;
use schema::sites::{BeaconCampaign, Bots, CROWD_DEFAULT, CROWD_MIN, Ground, Marketing, Medium, Site, Sites};
use schema::zone::Zone;

use super::keys::{Keys, Value};

/// Longest name of a host that DNS allows, and so the longest of a site.
const NAME_BYTES_MAX: usize = 253;

/// Most properties a site may keep.
const PROPERTIES_MAX: usize = 64;

/// Reads all sites, and the numbers that are used; what is wrong with them is noted in `file`.
pub(super) fn read(file: &Keys<'_>) -> (Sites, HashSet<u32>) {
    let mut seen = Seen::default();
    if file.get("site").is_none_or(|sites| sites.items().is_ok_and(|items| items.is_empty())) {
        file.note(None, "there is no `[[site]]` to count for: add one with its `id` and `domain`".to_owned());
    }
    let sites = file.tables("site", "[[site]]").into_iter().filter_map(|keys| site(keys, &mut seen)).collect();
    let sites = Sites::new(sites).unwrap_or_else(|clash| {
        file.note(None, clash.to_string());
        Sites::default()
    });
    (sites, seen.ids)
}

fn site(keys: Keys<'_>, seen: &mut Seen) -> Option<Site> {
    let id = keys.required("id", |value| {
        let id = number(value, 1)?;
        seen.id(id).map(|()| id)
    });
    let domain = keys.required("domain", |value| seen.name(value.text()?));
    let aliases = keys.list("aliases", |value| seen.name(value.text()?));
    let zone =
        keys.or("time_zone", Zone::utc(), |value| Zone::new(value.text()?).map_err(|unknown| unknown.to_string()));
    let hostnames = keys.list("hostnames", |value| host(value.text()?));
    let marketing = keys.or("marketing", Marketing::Consent, |value| match value.text()? {
        "consent" => Ok(Marketing::Consent),
        "always" => Ok(Marketing::Always),
        "never" => Ok(Marketing::Never),
        other => Err(format!("must be \"consent\", \"always\" or \"never\", not \"{other}\"")),
    });
    let crowd = keys.or("crowd", CROWD_DEFAULT, crowd);
    let bots = keys.or("bots", Bots::Refuse, |value| match value.text()? {
        "refuse" => Ok(Bots::Refuse),
        "count" => Ok(Bots::Count),
        other => Err(format!("must be \"refuse\" or \"count\", not \"{other}\"")),
    });
    let properties = without_place(keys.list("properties", |value| property(value.text()?)));
    let currency = keys.or("currency", String::new(), |value| currency(value.text()?));
    let campaigns = keys.tables("campaign", "[[site.campaign]]").into_iter().filter_map(campaign).collect::<Vec<_>>();
    for (n, twice) in campaigns.iter().enumerate().filter(|(n, c)| campaigns[..*n].iter().any(|d| d.name == c.name)) {
        keys.note(None, format!("campaign {} of this site, \"{}\", is declared before", n + 1, twice.name));
    }
    let umami = keys.or("umami", String::new(), |value| seen.umami(value.text()?));
    let matomo = keys.or("matomo", 0, |value| {
        let id = number(value, 0)?;
        seen.matomo(id).map(|()| id)
    });
    if properties.len() > PROPERTIES_MAX {
        keys.note(None, format!("`properties` has {} names; {PROPERTIES_MAX} are kept at most", properties.len()));
    }
    let own = without_place(keys.list("own", |value| own(value.text()?)));
    keys.end();
    let (aliases, hostnames) = (without_place(aliases), without_place(hostnames));
    Some(Site {
        id: id?,
        domain: domain?,
        aliases,
        zone,
        hostnames,
        marketing,
        crowd,
        bots,
        properties,
        currency,
        own,
        campaigns,
        goals: Goals::default(), // there are no keys for them yet
        umami,
        matomo,
    })
}

fn without_place<T>(list: Vec<(T, usize)>) -> Vec<T> {
    list.into_iter().map(|(item, _)| item).collect()
}

fn number(value: Value<'_>, min: u32) -> Result<u32, String> {
    let number = value.number(u64::from(min)..=u64::from(u32::MAX))?;
    Ok(u32::try_from(number).expect("the range ends there"))
}

fn crowd(value: Value<'_>) -> Result<u32, String> {
    let crowd = number(value, 0)?;
    if crowd < CROWD_MIN {
        return Err(format!(
            "is {crowd}, but under {CROWD_MIN} a hidden number would tell of one visitor: ask for {CROWD_MIN} or more"
        ));
    }
    Ok(crowd)
}

fn campaign(keys: Keys<'_>) -> Option<BeaconCampaign> {
    let name = keys.required("name", |value| campaign_name(value.text()?));
    let medium = keys.required("medium", |value| match value.text()? {
        "email" => Ok(Medium::Email),
        "ad" => Ok(Medium::Ad),
        other => Err(format!("must be \"email\" or \"ad\", not \"{other}\"")),
    });
    let ground = keys.required("basis", |value| match value.text()? {
        "sender-consent" => Ok(Ground::SenderConsent),
        "exempt" => Ok(Ground::Exempt),
        other => Err(format!("must be \"sender-consent\" or \"exempt\", not \"{other}\"")),
    });
    let on = keys.or("on", true, |value| value.flag());
    keys.end();
    Some(BeaconCampaign { name: name?, medium: medium?, ground: ground?, on })
}

/// A campaign's name as it stands in URLs and, as it is, in statistics.
fn campaign_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    match (1..=64).contains(&text.len()) && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!("is \"{text}\": 1 to 64 of a-z, 0-9, - _ . as it is to stand in URLs")),
    }
}

/// The name of a property, as trackers send it.
fn property(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=128 => Ok(text.to_owned()),
        _ => Err("has a name that is empty or longer than 128 characters".to_owned()),
    }
}

/// Three capital letters, or nothing; that they name a currency is the collector's to know.
fn currency(text: &str) -> Result<String, String> {
    match text.is_empty() || text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        true => Ok(text.to_owned()),
        false => Err(format!("must be a currency's three letters like \"EUR\", not \"{text}\"")),
    }
}

/// A network of the site's own people: what is finer than a truncated address could never be told apart.
fn own(text: &str) -> Result<IpNet, String> {
    let network = super::network(text)?;
    let finest = match network {
        IpNet::V4(_) => 24,
        IpNet::V6(_) => 48,
    };
    match network.prefix_len() <= finest {
        true => Ok(network),
        false => Err(format!("has \"{text}\", but addresses are cut to /{finest} before anything sees them")),
    }
}

/// A host as browsers send it: lower case, no port, other scripts as `xn--`.
fn host(text: &str) -> Result<String, String> {
    let host = text.to_lowercase();
    let label = |label: &str| {
        let inside = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        inside && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    if !text.is_ascii() {
        return Err(format!("has \"{text}\": write a host as browsers send it, with `xn--` for other scripts"));
    }
    if host.len() > NAME_BYTES_MAX || !host.split('.').all(label) {
        return Err(format!(
            "has \"{text}\", which is no host name (like \"www.example.org\": no scheme, port or path)"
        ));
    }
    Ok(host)
}

/// Numbers and names given so far: each is given once.
#[derive(Default)]
struct Seen {
    ids: HashSet<u32>,
    names: HashSet<String>,
}

impl Seen {
    fn id(&mut self, id: u32) -> Result<(), String> {
        if !self.ids.insert(id) {
            return Err(format!("{id} is taken by another site"));
        }
        Ok(())
    }

    /// What Umami calls a site.
    fn umami(&mut self, text: &str) -> Result<String, String> {
        let uuid = text.to_lowercase();
        let is_uuid = uuid.split('-').map(str::len).eq([8, 4, 4, 4, 12])
            && uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        match (uuid.is_empty(), is_uuid) {
            (true, _) => Ok(uuid),
            (false, true) if self.names.insert(format!("umami:{uuid}")) => Ok(uuid),
            (false, true) => Err(format!("is \"{text}\", which is taken by another site")),
            (false, false) => Err(format!("must be a website's UUID as Umami shows it, not \"{text}\"")),
        }
    }

    /// What Matomo calls a site; 0: nothing.
    fn matomo(&mut self, id: u32) -> Result<(), String> {
        if id != 0 && !self.names.insert(format!("matomo:{id}")) {
            return Err(format!("{id} is taken by another site"));
        }
        Ok(())
    }

    /// A site's name as trackers send it (`d`): a domain, perhaps with a port or a folder.
    fn name(&mut self, name: &str) -> Result<String, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/".contains(&byte);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
            return Err(format!(
                "is \"{name}\", which is no name of a site: 1 to {NAME_BYTES_MAX} letters, digits or any of . - _ : /"
            ));
        }
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("is \"{name}\", which queries would take for a site's number"));
        }
        if name.contains("://") {
            return Err(format!("is \"{name}\": a site's name has no scheme"));
        }
        if !self.names.insert(name.to_lowercase()) {
            return Err(format!("has \"{name}\", which is taken (domains and aliases of all sites share one space)"));
        }
        Ok(name.to_owned())
    }
}
