//! A site's local date and the salt of that date, cached per worker.

use std::sync::Arc;

use hashbrown::HashMap;
use schema::fate::Fault;
use schema::sites::Site;
use schema::zone::Local;

use crate::salt::{Salt, Salts};

/// The local time and the salt of one site. They are looked up once per quarter of an hour: no zone changes its date or
/// its offset within one.
pub(super) struct SiteDay {
    /// The quarter of an hour.
    bucket: i64,
    pub(super) local: Local,
    pub(super) salt: Result<Arc<Salt>, Fault>,
}

/// By the site's number.
pub(super) type SiteDays = HashMap<u32, SiteDay, foldhash::fast::FixedState>;

impl SiteDay {
    /// The day on which it is now at the site.
    pub(super) fn today<'d>(days: &'d mut SiteDays, site: &Site, salts: &Salts, now_s: i64) -> &'d SiteDay {
        let bucket = now_s.div_euclid(i64::from(schema::day::BUCKET_S));
        let look_up = || {
            let (local, salt) = salts.today(&site.zone, now_s);
            SiteDay { bucket, local, salt }
        };
        let day = days.entry(site.id).or_insert_with(look_up);
        if day.bucket != bucket || !day.salt.as_ref().is_ok_and(|salt| salt.is_alive()) {
            *day = look_up();
        }
        day
    }

    /// The day of the time that a server names for a hit. It is not cached.
    pub(super) fn of_server_hit(local: Local, salt: Result<Arc<Salt>, Fault>) -> SiteDay {
        SiteDay { bucket: 0, local, salt }
    }
}
