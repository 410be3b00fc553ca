//! The record on Kafka for one (time zone, date), and the salt that is derived from it.
//!
//! ```text
//! key     America/Port-au-Prince/2026-11-24
//! value   1 | id of the deployment's key, 8 | share, 32
//! salt    BLAKE3 keyed by the deployment's key over (zone, date, share), each with its length before it
//! ```
//!
//! The share is 32 random bytes. The share without the key reveals nothing about the salt, and neither does the key
//! without the share.

use schema::day::Day;
use zeroize::{Zeroize, Zeroizing};

use super::keys::{DeploymentKey, KeyId};
use crate::salt::files::Wiped;
use crate::salt::key::Salt;

/// Length of a record's value.
pub(in crate::salt) const RECORD_BYTES: usize = 41;
const VERSION: u8 = 1;

/// A share, with the id of the key for which it was made.
#[derive(Debug)]
pub(in crate::salt) struct Share {
    pub(super) made_for: KeyId,
    /// Stored like a salt, because together with the key it is one.
    secret: Salt,
}

/// The Kafka key of a date's records.
pub(super) fn name(zone: &str, day: Day) -> String {
    format!("{zone}/{day}")
}

/// The zone and date of a record, from its Kafka key.
pub(super) fn parse_name(key: &[u8]) -> Option<(&str, Day)> {
    let text = std::str::from_utf8(key).ok()?;
    let (zone, date) = text.rsplit_once('/')?;
    let day: Day = date.parse().ok()?;
    (name(zone, day) == text).then_some((zone, day))
}

impl Share {
    /// A new share.
    pub(super) fn random(made_for: KeyId) -> Result<Share, getrandom::Error> {
        let mut bytes = Wiped([0; 32]);
        getrandom::fill(&mut bytes.0)?;
        Ok(Share { made_for, secret: Salt::of(bytes.0) })
    }

    /// The value of the record on Kafka; `None` if the share is destroyed.
    pub(in crate::salt) fn record(&self) -> Option<Zeroizing<[u8; RECORD_BYTES]>> {
        let secret = Wiped(self.secret.key()?);
        let mut record = Zeroizing::new([0; RECORD_BYTES]);
        record[0] = VERSION;
        record[1..9].copy_from_slice(&self.made_for.0);
        record[9..].copy_from_slice(&secret.0);
        Some(record)
    }

    /// Decodes the value of a record, if it is of our version.
    pub(super) fn decode(record: &[u8]) -> Option<Share> {
        let (head, secret) = record.split_first_chunk::<9>()?;
        let [VERSION, id @ ..] = *head else { return None };
        let secret = Wiped(secret.try_into().ok()?);
        Some(Share { made_for: KeyId(id), secret: Salt::of(secret.0) })
    }

    /// The salt of this date; `None` if the key or the share is destroyed, or if the share was made for another key.
    pub(super) fn salt(&self, key: &DeploymentKey, zone: &str, day: Day) -> Option<Wiped> {
        if key.id != self.made_for {
            return None;
        }
        let (key, secret) = (Wiped(key.secret.key()?), Wiped(self.secret.key()?));
        let mut hasher = blake3::Hasher::new_keyed(&key.0);
        for field in [zone.as_bytes(), day.to_string().as_bytes(), &secret.0] {
            hasher.update(&(field.len() as u32).to_le_bytes()).update(field);
        }
        let mut hash = hasher.finalize();
        hasher.zeroize();
        let salt = Wiped(*hash.as_bytes());
        hash.zeroize();
        Some(salt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::salt::agree::keys::tests::key;

    const DAY: Day = Day(20_781);

    fn share(byte: u8, key: &DeploymentKey) -> Share {
        Share { made_for: key.id, secret: Salt::of([byte; 32]) }
    }

    #[test]
    fn a_salt_depends_on_key_zone_date_and_share() {
        let (ours, other) = (key('a'), key('b'));
        let salt = |byte, key: &DeploymentKey, zone, day| share(byte, key).salt(key, zone, day).unwrap().0;
        let me = salt(1, &ours, "UTC", DAY);
        assert_eq!(me, salt(1, &ours, "UTC", DAY));
        let others = [
            salt(2, &ours, "UTC", DAY),
            salt(1, &other, "UTC", DAY),
            salt(1, &ours, "UT", DAY),
            salt(1, &ours, "UTC", DAY.plus(1)),
            [1; 32],
            [0xaa; 32],
        ];
        for (n, other) in others.iter().enumerate() {
            assert!(*other != me && !others[n + 1..].contains(other), "{n}");
        }
        assert!(share(1, &ours).salt(&other, "UTC", DAY).is_none(), "the wrong key gives no salt");
    }

    #[test]
    fn a_salt_is_the_same_on_every_version() {
        let ours = key('a');
        let salt = share(7, &ours).salt(&ours, "Europe/Paris", DAY).unwrap();
        let mut input = Vec::new();
        input.extend_from_slice(b"\x0c\0\0\0Europe/Paris\x0a\0\0\x002026-11-24\x20\0\0\0");
        input.extend_from_slice(&[7; 32]);
        assert_eq!(salt.0, *blake3::keyed_hash(&[0xaa; 32], &input).as_bytes());
    }

    #[test]
    fn a_record_is_decoded_to_its_share_and_other_bytes_are_not() {
        let ours = key('a');
        let record = share(9, &ours).record().unwrap();
        let back = Share::decode(&record[..]).unwrap();
        assert_eq!((back.made_for, back.secret.key()), (ours.id, Some([9; 32])));
        assert!(Share::decode(&record[..40]).is_none());
        assert!(Share::decode(&[&record[..], &[0]].concat()).is_none());
        let mut newer = *record;
        newer[0] = 2;
        assert!(Share::decode(&newer).is_none() && Share::decode(&[]).is_none());
        assert!(!format!("{back:?}").contains("9, 9"));
        back.secret.destroy();
        assert!(back.record().is_none() && back.salt(&ours, "UTC", DAY).is_none());
    }

    #[test]
    fn shares_are_random() {
        let (a, b) = (Share::random(key('a').id).unwrap(), Share::random(key('a').id).unwrap());
        assert_ne!(a.secret.key(), b.secret.key());
        assert_ne!(a.secret.key(), Some([0; 32]));
    }

    #[test]
    fn a_records_name_is_parsed_only_in_the_form_in_which_it_is_written() {
        for zone in ["UTC", "Europe/Paris", "America/Argentina/Ushuaia"] {
            assert_eq!(parse_name(name(zone, DAY).as_bytes()), Some((zone, DAY)));
        }
        assert_eq!(name("Europe/Paris", DAY), "Europe/Paris/2026-11-24");
        for bad in ["", "UTC", "UTC/", "UTC/2026-11-24T00:00", "UTC/20261124", "UTC/2026-11-24 ", "UTC/2026-13-01"] {
            assert_eq!(parse_name(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_name(b"UTC\xff/2026-11-24"), None);
    }
}
