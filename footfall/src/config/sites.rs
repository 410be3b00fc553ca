//! The `[[site]]` tables.

use std::collections::HashSet;

use ipnet::IpNet;
use schema::goals::Goals;
use schema::sites::{BeaconCampaign, Bots, CROWD_DEFAULT, CROWD_MIN, Marketing, Site, Sites};
use schema::zone::Zone;

use super::choices;
use super::keys::{TomlTable, TomlValue};

/// Longest host name that DNS allows, and so the longest name of a site.
const NAME_BYTES_MAX: usize = 253;

/// Most properties a site may keep.
const PROPERTIES_MAX: usize = 64;

/// Reads all sites, and the set of their numbers. Mistakes are noted in `file`.
pub(super) fn read(file: &TomlTable<'_>) -> (Sites, HashSet<u32>) {
    let mut taken = TakenNames::default();
    if file.get("site").is_none_or(|sites| sites.items().is_ok_and(|items| items.is_empty())) {
        file.note(None, "there is no `[[site]]` to count for: add one with its `id` and `domain`".to_owned());
    }
    let sites = file.tables("site", "[[site]]").into_iter().filter_map(|keys| site(keys, &mut taken)).collect();
    let sites = Sites::new(sites).unwrap_or_else(|clash| {
        file.note(None, clash.to_string());
        Sites::default()
    });
    (sites, taken.ids)
}

fn site(keys: TomlTable<'_>, taken: &mut TakenNames) -> Option<Site> {
    let id = keys.required("id", |value| {
        let id = number(value, 1)?;
        taken.id(id).map(|()| id)
    });
    let domain = keys.required("domain", |value| taken.name(value.text()?));
    let aliases = keys.list("aliases", |value| taken.name(value.text()?));
    let zone =
        keys.or("time_zone", Zone::utc(), |value| Zone::new(value.text()?).map_err(|unknown| unknown.to_string()));
    let hostnames = keys.list("hostnames", |value| host(value.text()?));
    let marketing = keys.or("marketing", Marketing::Consent, |value| choices::parse(value, choices::MARKETING));
    let crowd = keys.or("crowd", CROWD_DEFAULT, crowd);
    let bots = keys.or("bots", Bots::Refuse, |value| choices::parse(value, choices::BOTS));
    let properties = without_position(keys.list("properties", |value| property(value.text()?)));
    let currency = keys.or("currency", String::new(), |value| currency(value.text()?));
    let campaigns = keys.tables("campaign", "[[site.campaign]]").into_iter().filter_map(campaign).collect::<Vec<_>>();
    for (n, twice) in campaigns.iter().enumerate().filter(|(n, c)| campaigns[..*n].iter().any(|d| d.name == c.name)) {
        keys.note(None, format!("campaign {} of this site, \"{}\", is declared before", n + 1, twice.name));
    }
    let umami = keys.or("umami", String::new(), |value| taken.umami(value.text()?));
    let matomo = keys.or("matomo", 0, |value| {
        let id = number(value, 0)?;
        taken.matomo(id).map(|()| id)
    });
    if properties.len() > PROPERTIES_MAX {
        keys.note(None, format!("`properties` has {} names; {PROPERTIES_MAX} are kept at most", properties.len()));
    }
    let own = without_position(keys.list("own", |value| own(value.text()?)));
    keys.refuse_unknown_keys();
    let (aliases, hostnames) = (without_position(aliases), without_position(hostnames));
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

fn without_position<T>(list: Vec<(T, usize)>) -> Vec<T> {
    list.into_iter().map(|(item, _)| item).collect()
}

fn number(value: TomlValue<'_>, min: u32) -> Result<u32, String> {
    let number = value.number(u64::from(min)..=u64::from(u32::MAX))?;
    Ok(u32::try_from(number).expect("the range ends there"))
}

fn crowd(value: TomlValue<'_>) -> Result<u32, String> {
    let crowd = number(value, 0)?;
    if crowd < CROWD_MIN {
        return Err(format!(
            "is {crowd}, but below {CROWD_MIN} a withheld number would describe a single visitor: set {CROWD_MIN} or more"
        ));
    }
    Ok(crowd)
}

fn campaign(keys: TomlTable<'_>) -> Option<BeaconCampaign> {
    let name = keys.required("name", |value| campaign_name(value.text()?));
    let medium = keys.required("medium", |value| choices::parse(value, choices::MEDIUM));
    let ground = keys.required("basis", |value| choices::parse(value, choices::BASIS));
    let on = keys.or("on", true, |value| value.boolean());
    keys.refuse_unknown_keys();
    Some(BeaconCampaign { name: name?, medium: medium?, ground: ground?, on })
}

/// A campaign's name. It stands in URLs and in statistics without any change.
fn campaign_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    match (1..=64).contains(&text.len()) && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!("is \"{text}\": 1 to 64 of a-z, 0-9, - _ . as it is to stand in URLs")),
    }
}

/// The name of an event property, as trackers send it.
fn property(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=128 => Ok(text.to_owned()),
        _ => Err("has a name that is empty or longer than 128 characters".to_owned()),
    }
}

/// Three capital letters, or nothing. Whether they are the code of a currency is checked by the collector.
fn currency(text: &str) -> Result<String, String> {
    match text.is_empty() || text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        true => Ok(text.to_owned()),
        false => Err(format!("must be a currency's three letters like \"EUR\", not \"{text}\"")),
    }
}

/// A network of the site's own people. It may not be finer than a truncated address, because such networks could not be
/// distinguished.
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

/// The numbers and names of the sites read so far. No two sites may share one.
#[derive(Default)]
struct TakenNames {
    ids: HashSet<u32>,
    names: HashSet<String>,
}

impl TakenNames {
    fn id(&mut self, id: u32) -> Result<(), String> {
        if !self.ids.insert(id) {
            return Err(format!("{id} is taken by another site"));
        }
        Ok(())
    }

    /// Checks the UUID that Umami's trackers send for a site.
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

    /// Checks the number that Matomo's trackers send for a site. 0: none.
    fn matomo(&mut self, id: u32) -> Result<(), String> {
        if id != 0 && !self.names.insert(format!("matomo:{id}")) {
            return Err(format!("{id} is taken by another site"));
        }
        Ok(())
    }

    /// Checks a site's name as trackers send it (`d`): a domain, perhaps with a port or a folder.
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
