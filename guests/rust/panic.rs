//! Panics before it has printed anything: the message goes to standard error, the answer must be a clean 500.

fn main() {
    panic!("this guest panics on purpose");
}
