//! Packs a directory as a push does and prints how long it took: the measurement behind the figures in
//! ARCHITECTURE.md. Run: `cargo run --release --example pack_bench -- DIRECTORY [THREADS [zstd]]`.

use std::io::Write;
use std::time::Instant;

use oci_artifact::pack::{self, Budget, Compression, Options, Selection};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: pack_bench DIRECTORY [THREADS [zstd]]")?;
    let threads = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let compression = match arguments.next().as_deref() {
        Some("zstd") => Compression::Zstd,
        _ => Compression::Gzip,
    };
    let options = Options {
        compression,
        threads,
        mtime: 0,
        budget: Budget::beside(threads),
    };
    let start = Instant::now();
    let tree = pack::walk(directory.into(), &Selection::default())?;
    let packed = pack::directory(&tree, "text", &options)?;
    let seconds = start.elapsed().as_secs_f64();
    // Reading a size of up to 2^53 as a float is exact.
    let rate = tree.size() as f64 / 1e6 / seconds;
    writeln!(
        std::io::stdout(),
        "{} files, {} bytes into {} bytes in {seconds:.2} s, {rate:.0} MB/s, {}",
        tree.entries.len(),
        tree.size(),
        packed.size,
        packed.digest,
    )?;
    Ok(())
}
