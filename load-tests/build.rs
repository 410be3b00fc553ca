//! For the binary `wire` (feature `codecs`): generates buffa's types from `schema/footfall.proto`, without `protoc`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "codecs")]
    generate();
}

/// Two fields are changed, so that buffa decodes as little as our codec does. Both changes keep the wire format:
///
/// * The body of a record is bytes, because the collector packs records without decoding their bodies, and because
///   buffa allocates a box for each message in a `oneof`.
/// * `Extra` is bytes, because our codec checks it but keeps it encoded.
#[cfg(feature = "codecs")]
fn generate() {
    use prost::Message;

    const PROTO: &str = "../schema/footfall.proto";
    println!("cargo::rerun-if-changed={PROTO}");
    #[expect(clippy::disallowed_methods, reason = "cargo passes the output directory to a build script this way")]
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut proto = std::fs::read_to_string(PROTO).expect("the schema's protobuf file");
    let body = "  oneof body {\n    Event event = 4;\n    Fates fates = 5;\n    Close close = 6;";
    let body_end = proto.find(body).and_then(|at| Some(at + proto[at..].find("  }\n")?)).expect("the body of a record");
    proto.replace_range(body_end..body_end + 4, "");
    let as_bytes = "  bytes event = 4;\n  bytes fates = 5;\n  bytes close = 6;";
    for (from, to) in [(body, as_bytes), ("Extra extra = 20;", "bytes extra = 20;")] {
        assert_eq!(proto.matches(from).count(), 1, "{from}");
        proto = proto.replace(from, to);
    }
    std::fs::write(out.join("footfall.proto"), proto).expect("the output directory can be written");
    let descriptors = protox::compile(["footfall.proto"], [&out]).expect("the protobuf file is valid");
    std::fs::write(out.join("descriptors"), descriptors.encode_to_vec()).expect("the output directory can be written");
    buffa_build::Config::new()
        .files(&["footfall.proto"])
        .includes(&[&out])
        .descriptor_set(out.join("descriptors"))
        .preserve_unknown_fields(false)
        .compile()
        .expect("buffa generates its types");
}
