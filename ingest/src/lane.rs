//! The two lanes. What is reserved to marketing is read only by who holds a [`Basis`], and only this module makes one.

use schema::sites::{Marketing, Site};

/// The right to read a campaign or an order: the visitor's consent, or what the site's owner declared.
#[derive(Debug, Clone, Copy)]
pub struct Basis(());

impl Basis {
    /// Whether there is one for a hit of this site.
    pub(crate) fn of(site: &Site, consent: bool) -> Option<Basis> {
        match (site.marketing, consent) {
            (Marketing::Always, _) | (Marketing::Consent, true) => Some(Basis(())),
            (Marketing::Consent, false) | (Marketing::Never, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_consent_or_a_declaration_is_a_basis_and_never_is_never() {
        let site = |marketing| Site { marketing, ..Site::new(1, "example.org") };
        let has = |marketing, consent| Basis::of(&site(marketing), consent).is_some();
        assert!(has(Marketing::Consent, true) && has(Marketing::Always, false) && has(Marketing::Always, true));
        assert!(!has(Marketing::Consent, false) && !has(Marketing::Never, true) && !has(Marketing::Never, false));
    }
}
