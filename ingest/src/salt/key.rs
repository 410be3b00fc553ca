//! 32 secret bytes in their own page of memory. The page is kept out of swap and core dumps if the system allows it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use zeroize::Zeroize;

/// The size of a whole page, so that locking and unlocking affects no other data.
const PAGE_BYTES: usize = 4096;

/// The salt of one time zone's date. It can be destroyed while other threads hold a reference; it then has no key any
/// more.
pub struct Salt {
    page: Box<LockedPage>,
}

#[repr(align(4096))]
struct LockedPage {
    words: [AtomicU64; 4],
    alive: AtomicBool,
}

impl Salt {
    /// Stores the bytes in a page. `bytes` is wiped; a copy of the caller is not.
    pub(crate) fn of(mut bytes: [u8; 32]) -> Salt {
        let salt = Salt { page: Box::new(LockedPage { words: Default::default(), alive: AtomicBool::new(true) }) };
        salt.lock();
        for (word, bytes) in salt.page.words.iter().zip(bytes.as_chunks::<8>().0) {
            word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
        }
        bytes.zeroize();
        salt
    }

    /// The key, unless it is destroyed. The caller must wipe it.
    pub(crate) fn key(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        for (bytes, word) in key.as_chunks_mut::<8>().0.iter_mut().zip(&self.page.words) {
            *bytes = word.load(Ordering::Relaxed).to_le_bytes();
        }
        // If a wiped word was read above, the flag is seen as cleared from here on.
        fence(Ordering::Acquire);
        self.is_alive().then_some(key)
    }

    /// Whether the salt can still be used.
    pub(crate) fn is_alive(&self) -> bool {
        self.page.alive.load(Ordering::Relaxed)
    }

    /// Wipes the salt. No tag under it can be computed from here on.
    pub(crate) fn destroy(&self) {
        self.page.alive.store(false, Ordering::Relaxed);
        fence(Ordering::Release);
        for word in &self.page.words {
            word.store(0, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
    }

    #[expect(unsafe_code, reason = "the page is ours, whole, and unlocked before it is freed; locking changes no byte")]
    fn lock(&self) {
        let page = std::ptr::from_ref::<LockedPage>(&self.page).cast_mut().cast();
        // Best effort: if the process may not lock memory, the salt is as safe as the system's swap.
        let _ = unsafe { rustix::mm::mlock(page, PAGE_BYTES) };
        let _ = unsafe { rustix::mm::madvise(page, PAGE_BYTES, rustix::mm::Advice::LinuxDontDump) };
    }

    #[expect(unsafe_code, reason = "undoes `lock` before the memory is freed")]
    fn unlock(&self) {
        let page = std::ptr::from_ref::<LockedPage>(&self.page).cast_mut().cast();
        // Errors are ignored: a page that remains locked costs memory, but exposes no secret.
        let _ = unsafe { rustix::mm::madvise(page, PAGE_BYTES, rustix::mm::Advice::LinuxDoDump) };
        let _ = unsafe { rustix::mm::munlock(page, PAGE_BYTES) };
    }
}

impl Drop for Salt {
    fn drop(&mut self) {
        self.destroy();
        self.unlock();
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destroyed_salt_has_no_key() {
        let salt = Salt::of(*b"0123456789abcdef0123456789abcdef");
        assert_eq!(salt.key().as_ref(), Some(b"0123456789abcdef0123456789abcdef"));
        salt.destroy();
        assert_eq!(salt.key(), None);
        assert!(salt.page.words.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn a_salt_has_its_own_page_and_cannot_be_printed() {
        assert_eq!((size_of::<LockedPage>(), align_of::<LockedPage>()), (PAGE_BYTES, PAGE_BYTES));
        assert_eq!(format!("{:?}", Salt::of([7; 32])), "Salt(..)");
    }
}
