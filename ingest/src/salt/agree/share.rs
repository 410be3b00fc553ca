//! What stands on Kafka for one (time zone, date), and the salt that comes of it.
//!
//! ```text
//! key     America/Port-au-Prince/2026-11-24
//! value   1 | id of the deployment's key, 8 | share, 32
//! salt    BLAKE3 keyed by the deployment's key over (zone, date, share), each with its length before it
//! ```
//!
//! The share is 32 random bytes. Without the key it says nothing of the salt; without the share, so does the key.

use schema::day::Day;
use zeroize::{Zeroize, Zeroizing};

use super::keys::{Key, KeyId};
use crate::salt::key::Salt;
use crate::salt::place::Wiped;

/// Length of a record's value.
pub(in crate::salt) const RECORD_BYTES: usize = 41;
const VERSION: u8 = 1;

/// A share, and whose key makes a salt of it.
#[derive(Debug)]
pub(in crate::salt) struct Share {
    pub(super) made_for: KeyId,
    /// Held as salts are, for with the key it is one.
    secret: Salt,
}

/// The key of a date's records.
pub(super) fn name(zone: &str, day: Day) -> String {
    format!("{zone}/{day}")
}

/// The zone and date of a record's key.
pub(super) fn named(key: &[u8]) -> Option<(&str, Day)> {
    let text = std::str::from_utf8(key).ok()?;
    let (zone, date) = text.rsplit_once('/')?;
    let day: Day = date.parse().ok()?;
    (name(zone, day) == text).then_some((zone, day))
}

impl Share {
    /// A new one.
    pub(super) fn random(made_for: KeyId) -> Result<Share, getrandom::Error> {
        let mut bytes = Wiped([0; 32]);
        getrandom::fill(&mut bytes.0)?;
        Ok(Share { made_for, secret: Salt::of(bytes.0) })
    }

    /// As it stands on Kafka; nothing if it is destroyed.
    pub(in crate::salt) fn record(&self) -> Option<Zeroizing<[u8; RECORD_BYTES]>> {
        let secret = Wiped(self.secret.key()?);
        let mut record = Zeroizing::new([0; RECORD_BYTES]);
        record[0] = VERSION;
        record[1..9].copy_from_slice(&self.made_for.0);
        record[9..].copy_from_slice(&secret.0);
        Some(record)
    }

    /// What a record holds, if it is one that we can read.
    pub(super) fn read(record: &[u8]) -> Option<Share> {
        let (head, secret) = record.split_first_chunk::<9>()?;
        let [VERSION, id @ ..] = *head else { return None };
        let secret = Wiped(secret.try_into().ok()?);
        Some(Share { made_for: KeyId(id), secret: Salt::of(secret.0) })
    }

    /// The salt of this date; nothing if something of it is destroyed, or it was made for another key.
    pub(super) fn salt(&self, key: &Key, zone: &str, day: Day) -> Option<Wiped> {
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

    fn share(byte: u8, key: &Key) -> Share {
        Share { made_for: key.id, secret: Salt::of([byte; 32]) }
    }

    #[test]
    fn a_salt_hangs_on_key_zone_date_and_share() {
        let (ours, other) = (key('a'), key('b'));
        let salt = |byte, key: &Key, zone, day| share(byte, key).salt(key, zone, day).unwrap().0;
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
        assert!(share(1, &ours).salt(&other, "UTC", DAY).is_none(), "the wrong key makes none at all");
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
    fn a_record_is_what_it_was_made_of_and_nothing_else_is_read() {
        let ours = key('a');
        let record = share(9, &ours).record().unwrap();
        let back = Share::read(&record[..]).unwrap();
        assert_eq!((back.made_for, back.secret.key()), (ours.id, Some([9; 32])));
        assert!(Share::read(&record[..40]).is_none());
        assert!(Share::read(&[&record[..], &[0]].concat()).is_none());
        let mut newer = *record;
        newer[0] = 2;
        assert!(Share::read(&newer).is_none() && Share::read(&[]).is_none());
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
    fn names_of_dates_are_read_back_and_only_as_they_are_written() {
        for zone in ["UTC", "Europe/Paris", "America/Argentina/Ushuaia"] {
            assert_eq!(named(name(zone, DAY).as_bytes()), Some((zone, DAY)));
        }
        assert_eq!(name("Europe/Paris", DAY), "Europe/Paris/2026-11-24");
        for bad in ["", "UTC", "UTC/", "UTC/2026-11-24T00:00", "UTC/20261124", "UTC/2026-11-24 ", "UTC/2026-13-01"] {
            assert_eq!(named(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(named(b"UTC\xff/2026-11-24"), None);
    }
}
