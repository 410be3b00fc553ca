use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// Noon of 2026-11-24, UTC.
const NOON: i64 = 20_781 * 86_400 + 43_200;
const MIDNIGHT: i64 = 20_782 * 86_400;
const TODAY: Day = Day(20_781);

/// A directory in memory.
fn memory() -> TempDir {
    TempDir::new_in("/dev/shm").expect("Linux has /dev/shm")
}

fn dir_in(memory: &TempDir, data: &Path) -> Option<SaltDir> {
    SaltDir::find(&[memory.path().to_owned()], data)
}

fn files(memory: &TempDir) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(memory.path().join("footfall")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn key(salts: &Salts, now_s: i64) -> [u8; 32] {
    salts.today(&Zone::utc(), now_s).1.unwrap().key().unwrap()
}

#[test]
fn a_day_has_one_salt_and_the_next_day_has_another() {
    let salts = Salts::open(None, NOON);
    assert_eq!(key(&salts, NOON), key(&salts, MIDNIGHT - 1));
    assert_ne!(key(&salts, NOON), key(&salts, MIDNIGHT));
    assert!(key(&salts, MIDNIGHT).iter().any(|b| *b != 0));
}

#[test]
fn a_past_moment_gets_the_salt_of_its_date_until_that_is_destroyed_and_never_a_new_one() {
    let (salts, utc) = (Salts::open(None, NOON), Zone::utc());
    let at = |time_s, now_s| {
        let (local, salt) = salts.at(&utc, time_s, now_s)?;
        Some((local.day, salt.unwrap().key().unwrap()))
    };
    let today = key(&salts, NOON);
    assert_eq!(at(NOON - 3600, NOON), Some((TODAY, today)));
    assert_eq!(at(NOON - 86_400, NOON), None, "no salt is made for yesterday");
    assert_eq!(at(NOON + 3600, NOON), None, "the future has no salt");
    assert_eq!(
        at(MIDNIGHT + 9, MIDNIGHT - 1),
        Some((TODAY, today)),
        "the other clock is ahead, and tomorrow has not begun"
    );
    let tomorrow = key(&salts, MIDNIGHT + 60);
    assert_eq!(at(MIDNIGHT - 60, MIDNIGHT + 60), Some((TODAY, today)), "the salt is still in its grace");
    assert_eq!(at(MIDNIGHT, MIDNIGHT + 60), Some((Day(TODAY.0 + 1), tomorrow)));
    salts.tick(MIDNIGHT + GRACE_S);
    assert_eq!(at(MIDNIGHT - 60, MIDNIGHT + GRACE_S), None);
}

#[test]
fn each_zone_has_its_own_salt() {
    let (salts, paris) = (Salts::open(None, NOON), Zone::new("Europe/Paris").unwrap());
    let (local, salt) = salts.today(&paris, NOON);
    assert_eq!((local.day, local.offset_quarters), (TODAY, 4));
    assert_ne!(salt.unwrap().key().unwrap(), key(&salts, NOON));
}

#[test]
fn a_salt_file_survives_a_restart_and_is_found_only_by_its_own_data_directory() {
    let (memory, data, other) = (memory(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let salts = Salts::open(dir_in(&memory, data.path()), NOON);
    assert!(salts.survive_restart());
    let before = key(&salts, NOON);
    drop(salts);
    assert_eq!(key(&Salts::open(dir_in(&memory, data.path()), NOON + 60), NOON + 60), before);
    assert_ne!(key(&Salts::open(dir_in(&memory, other.path()), NOON), NOON), before);
    assert!(salts_split(&memory, data.path(), other.path()));
}

fn salts_split(memory: &TempDir, data: &Path, other: &Path) -> bool {
    dir_in(memory, data) != dir_in(memory, other) && files(memory).len() == 2
}

#[test]
fn a_salt_file_is_private_and_contains_only_the_salt() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    let salts = Salts::open(dir_in(&memory, data.path()), NOON);
    let zone = Zone::new("America/Port-au-Prince").unwrap();
    let salt = salts.today(&zone, NOON).1.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let [file] = &files(&memory)[..] else { panic!("one salt, one file") };
    assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read(file).unwrap(), salt.key().unwrap());
    assert!(file.to_str().unwrap().ends_with("-America,Port-au-Prince-2026-11-24"));
}

#[test]
fn fifteen_minutes_after_midnight_a_salt_is_wiped_in_memory_and_file_and_never_made_again() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    let salts = Salts::open(dir_in(&memory, data.path()), NOON);
    let held = salts.today(&Zone::utc(), NOON).1.unwrap();
    let file = files(&memory).remove(0);
    let inode = fs::File::open(&file).unwrap();

    assert_eq!(salts.tick(MIDNIGHT + GRACE_S - 1), 0);
    assert!(held.is_alive() && file.exists());
    assert_eq!((salts.tick(MIDNIGHT + GRACE_S), salts.era(), salts.alive()), (1, 1, 0));
    assert_eq!(held.key(), None, "even while a worker holds a reference");
    assert!(!file.exists());
    let mut left = Vec::new();
    std::io::Read::read_to_end(&mut &inode, &mut left).unwrap();
    assert_eq!(left, [0; 32], "the file was overwritten before it was deleted");

    assert_eq!(salts.of(&Zone::utc(), TODAY).unwrap_err(), Fault::NoSalt);
    assert_eq!(salts.today(&Zone::utc(), NOON).1.unwrap_err(), Fault::NoSalt, "the clock went back");
    assert!(salts.today(&Zone::utc(), MIDNIGHT + GRACE_S).1.is_ok());
}

#[test]
fn a_start_destroys_the_files_that_a_killed_process_left_for_past_dates() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    drop(Salts::open(dir_in(&memory, data.path()), NOON).today(&Zone::utc(), NOON));
    assert_eq!(files(&memory).len(), 1);
    drop(Salts::open(dir_in(&memory, data.path()), MIDNIGHT + GRACE_S - 1));
    assert_eq!(files(&memory).len(), 1, "still within its grace");
    drop(Salts::open(dir_in(&memory, data.path()), MIDNIGHT + GRACE_S));
    assert_eq!(files(&memory).len(), 0);
}

#[test]
fn a_date_never_goes_back_even_if_the_clock_does_and_the_process_restarts() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    let salts = Salts::open(dir_in(&memory, data.path()), NOON);
    let tomorrow = key(&salts, MIDNIGHT + 1);
    let (local, salt) = salts.today(&Zone::utc(), MIDNIGHT - 1);
    assert_eq!((local.day, salt.unwrap().key()), (TODAY.plus(1), Some(tomorrow)));
    drop(salts);
    let salts = Salts::open(dir_in(&memory, data.path()), MIDNIGHT - 1);
    let (local, salt) = salts.today(&Zone::utc(), MIDNIGHT - 1);
    assert_eq!((local.day, salt.unwrap().key()), (TODAY.plus(1), Some(tomorrow)));
}

#[test]
fn a_clock_that_was_years_ahead_has_no_effect_after_a_restart() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    let salts = Salts::open(dir_in(&memory, data.path()), NOON);
    salts.today(&Zone::utc(), NOON + 10 * 365 * 86_400).1.unwrap();
    drop(salts);
    let salts = Salts::open(dir_in(&memory, data.path()), NOON);
    assert_eq!(salts.today(&Zone::utc(), NOON).0.day, TODAY);
    assert_eq!(files(&memory).len(), 1);
}

#[test]
fn a_salt_is_not_written_to_a_disk() {
    let (disk, data) = (TempDir::new_in(env!("CARGO_MANIFEST_DIR")).unwrap(), TempDir::new().unwrap());
    assert_eq!(SaltDir::find(&[disk.path().to_owned()], data.path()), None);
    assert!(!Salts::open(None, NOON).survive_restart());
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_other_users_can_enter_is_not_used() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    let dir = memory.path().join("footfall");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(dir_in(&memory, data.path()), None);
    fs::remove_dir(&dir).unwrap();
    fs::create_dir(memory.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(memory.path().join("elsewhere"), &dir).unwrap();
    assert_eq!(dir_in(&memory, data.path()), None, "a symbolic link is not used either");
}

#[test]
fn if_the_directory_fails_the_salt_stays_in_memory_and_does_not_survive_a_restart() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    let salts = Salts::open(dir_in(&memory, data.path()), NOON);
    fs::remove_dir_all(memory.path().join("footfall")).unwrap();
    assert_eq!(key(&salts, NOON), key(&salts, NOON));
    assert!(!salts.survive_restart());
}

#[test]
fn without_random_bytes_there_is_no_salt() {
    assert_eq!(Salts::broken().today(&Zone::utc(), NOON).1.unwrap_err(), Fault::NoSalt);
}

#[test]
fn salts_in_memory_exist_for_any_date_in_any_order() {
    let salts = Salts::in_memory();
    let of = |day| salts.of(&Zone::utc(), Day(day)).unwrap().key();
    let (a, b) = (of(20_000), of(19_000));
    assert_ne!(a, b);
    assert_eq!((of(20_000), of(19_000)), (a, b));
}

#[test]
fn agreed_salts_and_own_salts_are_never_used_as_each_other() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    key(&Salts::open(dir_in(&memory, data.path()), NOON), NOON);
    assert_eq!(files(&memory).len(), 1);
    let agreed = Salts::agreed(dir_in(&memory, data.path()), NOON);
    assert_eq!(agreed.today(&Zone::utc(), NOON).1.unwrap_err(), Fault::NoSalt);
    assert_eq!(files(&memory).len(), 0, "the file of an own salt is destroyed");
    agreed.save("UTC", TODAY, &Wiped([7; 32]));
    assert_eq!(key(&Salts::agreed(dir_in(&memory, data.path()), NOON), NOON), [7; 32]);
    assert_ne!(key(&Salts::open(dir_in(&memory, data.path()), NOON), NOON), [7; 32]);
    let [file] = &files(&memory)[..] else { panic!("one salt, one file") };
    assert_ne!(fs::read(file).unwrap(), [7; 32]);
}

#[test]
fn agreed_salts_are_stored_in_advance_and_destroyed_like_own_ones() {
    let (memory, data) = (memory(), TempDir::new().unwrap());
    let salts = Salts::agreed(dir_in(&memory, data.path()), NOON);
    salts.save("UTC", TODAY, &Wiped([7; 32]));
    salts.save("UTC", TODAY.plus(1), &Wiped([8; 32]));
    let salts = Salts::agreed(dir_in(&memory, data.path()), NOON);
    assert_eq!((salts.today(&Zone::utc(), NOON).0.day, key(&salts, NOON)), (TODAY, [7; 32]));
    assert_eq!(salts.wanted(&Zone::utc(), NOON), [TODAY, TODAY.plus(1)]);
    assert!(salts.is_ready(&Zone::utc(), MIDNIGHT) && key(&salts, MIDNIGHT) == [8; 32]);
    assert_eq!(salts.wanted(&Zone::utc(), NOON), [TODAY.plus(1), TODAY.plus(2)], "the date does not go back");
    assert_eq!((salts.tick(MIDNIGHT + GRACE_S), files(&memory).len()), (1, 1));
    assert!(matches!(salts.state(&Zone::utc(), TODAY), agreed::DayState::Over));
    assert!(!salts.is_ready(&Zone::utc(), MIDNIGHT + 86_400));
}
