//! The two lanes. The data that is reserved to the marketing lane can only be read with a [`Basis`], and only this
//! module makes one.

use schema::sites::{BeaconCampaign, Marketing, Site};

/// The right to read a campaign or an order: the visitor's consent, or another basis that the owner of the site
/// declared.
#[derive(Debug, Clone, Copy)]
pub struct Basis(());

impl Basis {
    /// The basis for a beacon of this name, and its campaign, if the site declares one that is not switched off.
    pub(crate) fn of_beacon<'s>(site: &'s Site, name: &str) -> Option<(Basis, &'s BeaconCampaign)> {
        site.campaign(name).map(|campaign| (Basis(()), campaign))
    }

    /// The basis for a hit of this site, if there is one.
    pub fn of(site: &Site, consent: bool) -> Option<Basis> {
        match (site.marketing, consent) {
            (Marketing::Always, _) | (Marketing::Consent, true) => Some(Basis(())),
            (Marketing::Consent, false) | (Marketing::Never, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use schema::sites::{Ground, Medium};

    use super::*;

    #[test]
    fn a_beacon_has_a_basis_if_its_campaign_is_declared_and_on_even_if_marketing_is_never() {
        let campaign =
            |name: &str, on| BeaconCampaign { name: name.into(), medium: Medium::Email, ground: Ground::Exempt, on };
        let campaigns = vec![campaign("spring", true), campaign("autumn", false)];
        let site = Site { campaigns, marketing: Marketing::Never, ..Site::new(1, "example.org") };
        assert!(Basis::of_beacon(&site, "spring").is_some());
        assert!(Basis::of_beacon(&site, "autumn").is_none() && Basis::of_beacon(&site, "winter").is_none());
    }

    #[test]
    fn only_consent_or_a_declaration_is_a_basis_and_with_never_there_is_none() {
        let site = |marketing| Site { marketing, ..Site::new(1, "example.org") };
        let has = |marketing, consent| Basis::of(&site(marketing), consent).is_some();
        assert!(has(Marketing::Consent, true) && has(Marketing::Always, false) && has(Marketing::Always, true));
        assert!(!has(Marketing::Consent, false) && !has(Marketing::Never, true) && !has(Marketing::Never, false));
    }
}
