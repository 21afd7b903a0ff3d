//! Parses arguments, wires the parts, picks a face, maps the result to an exit code.

fn main() {}
