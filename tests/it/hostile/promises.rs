//! docs/security.md: every test that it names is there.

use super::set::tests;

#[test]
fn every_test_that_the_page_names_is_there() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md");
    let page = fs_err::read_to_string(page).unwrap();
    let known: Vec<String> = ["src", "tests/it"].into_iter().flat_map(tests).collect();
    let code: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let named = code
        .iter()
        .filter(|name| name.contains('_') && name.chars().all(|c| c.is_alphanumeric() || c == '_'));
    let named: Vec<&&str> = named
        .filter(|name| name.chars().any(|c| c.is_ascii_lowercase()))
        .collect();
    assert!(named.len() > 60, "{} tests are named", named.len());
    for name in &named {
        assert!(known.iter().any(|test| test == **name), "there is no test {name}");
    }
    let cases = tests("tests/it/hostile");
    let numbered = |test: &&String| test.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    for test in cases.iter().filter(numbered) {
        assert!(page.contains(test.as_str()), "the page doesn't name {test}");
    }
}
