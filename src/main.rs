//! The environment and the arguments go in, an exit code comes out.

fn main() {}
