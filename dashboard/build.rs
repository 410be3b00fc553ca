//! Lists the built pages (web/dist) for `assets`, which includes them in the binary.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let dist = root.join("web/dist");
    println!("cargo::rerun-if-changed=web/dist");
    if !dist.join("index.html").is_file() {
        println!(
            "cargo::error=dashboard/web/dist/index.html is missing: the pages are built before the binary that holds \
             them. `./start` and `./check` do it; by hand: npm ci && npm run build"
        );
        return;
    }
    let mut list = String::from("&[\n");
    for file in files(&dist) {
        let name = file.strip_prefix(&dist).expect("found below it").to_string_lossy().replace('\\', "/");
        writeln!(list, "    ({name:?}, include_bytes!({:?})),", file.to_string_lossy())
            .expect("writing to a string cannot fail");
    }
    list.push(']');
    #[expect(clippy::disallowed_methods, reason = "cargo passes OUT_DIR to a build script this way only")]
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("files.rs"), list).expect("OUT_DIR can be written to");
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder that was just found can be read");
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
