//! Replays the committed fuzz corpus, so that what a fuzzer found once is
//! checked by every test run.

use std::fs;
use std::path::Path;

mod fuzz_bodies;
mod swim_fuzz;

use fuzz_bodies::Check;

/// The targets of the membership, by their names.
const SWIM: [(&str, Check); 2] = [
    ("swim_message", swim_fuzz::check_message),
    ("swim_operations", swim_fuzz::check_operations),
];

#[test]
fn every_input_of_the_corpus_keeps_what_must_hold() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (target, check) in fuzz_bodies::TARGETS.into_iter().chain(SWIM) {
        let folder = corpus.join(target);
        let entries = fs::read_dir(&folder).expect("every target has a corpus");
        let mut replayed = 0;
        for entry in entries {
            let path = entry.expect("the folder can be listed").path();
            check(&fs::read(&path).expect("the input can be read"));
            replayed += 1;
        }
        assert!(replayed >= 10, "{target} has only {replayed} inputs");
    }
}
