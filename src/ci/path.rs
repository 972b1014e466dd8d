//! Paths as reports of CI systems want them.

use camino::{Utf8Path, Utf8PathBuf};

/// `file` relative to `top`, with `/`; `None` outside of it. Links aren't looked at.
pub fn inside(top: &Utf8Path, file: &Utf8Path) -> Option<String> {
    let file = normal(file);
    let inside = file.strip_prefix(normal(top)).ok()?;
    Some(inside.as_str().replace('\\', "/"))
}

/// `path` without `.` and `..`, links not looked at.
pub fn normal(path: &Utf8Path) -> Utf8PathBuf {
    path.components().fold(Utf8PathBuf::new(), |mut normal, part| {
        match part.as_str() {
            "." => {}
            ".." => {
                normal.pop();
            }
            part => normal.push(part),
        }
        normal
    })
}
