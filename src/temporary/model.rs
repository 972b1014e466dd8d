//! One who makes a temporary file and two who sweep, as a model: each step in every order. What is made stays until it
//! has its name, and is never lost under that.

use crate::explore::Model;

/// A file: whether its temporary name and its final one lead to it, and who holds its lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Inode {
    temporary: bool,
    named: bool,
    lock: Option<Who>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Maker,
    Sweeper(usize),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Maker {
    Creates,
    /// By its name: a file is created and opened at once, a directory is not.
    Opens,
    Locks,
    Looks,
    Writes,
    Closes,
    Ended,
}

/// The number is that of the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sweeper {
    Lists,
    Locks(usize),
    Removes(usize),
    Closes(usize),
    Ended,
}

/// Tries of the maker: each needs a sweeper that was faster, and each sweeps once.
const FILES: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Processes {
    files: Vec<Inode>,
    maker: Maker,
    sweepers: [Sweeper; 2],
}

impl Processes {
    fn maker(&self, next: &mut Vec<Self>) {
        let mut then = self.clone();
        let file = self.files.len().saturating_sub(1);
        match self.maker {
            Maker::Creates => {
                then.files.push(Inode {
                    temporary: true,
                    ..Inode::default()
                });
                then.maker = Maker::Opens;
            }
            Maker::Opens if !self.files[file].temporary => then.maker = Maker::Creates,
            Maker::Opens => then.maker = Maker::Locks,
            Maker::Locks if self.files[file].lock.is_some() => then.maker = Maker::Creates,
            Maker::Locks => {
                then.files[file].lock = Some(Who::Maker);
                then.maker = Maker::Looks;
            }
            Maker::Looks if self.files[file].temporary => then.maker = Maker::Writes,
            Maker::Looks => {
                then.files[file].lock = None;
                then.maker = Maker::Creates;
            }
            Maker::Writes => {
                assert!(
                    self.files[file].temporary,
                    "it was swept away while it was written: {self:#?}"
                );
                then.files[file].temporary = false;
                then.files[file].named = true;
                then.maker = Maker::Closes;
            }
            Maker::Closes => {
                then.files[file].lock = None;
                then.maker = Maker::Ended;
            }
            Maker::Ended => return,
        }
        next.push(then);
    }

    fn sweeper(&self, at: usize, next: &mut Vec<Self>) {
        let step = |sweeper: Sweeper| {
            let mut then = self.clone();
            then.sweepers[at] = sweeper;
            then
        };
        match self.sweepers[at] {
            Sweeper::Lists => {
                let seen = (0..self.files.len()).filter(|file| self.files[*file].temporary);
                next.extend(seen.map(|file| step(Sweeper::Locks(file))));
                next.push(step(Sweeper::Ended));
            }
            Sweeper::Locks(file) if self.files[file].lock.is_some() => next.push(step(Sweeper::Ended)),
            Sweeper::Locks(file) => {
                let mut then = step(Sweeper::Removes(file));
                then.files[file].lock = Some(Who::Sweeper(at));
                next.push(then);
            }
            // By its temporary name: where the file has its final one, nothing is there.
            Sweeper::Removes(file) => {
                let mut then = step(Sweeper::Closes(file));
                then.files[file].temporary = false;
                next.push(then);
            }
            Sweeper::Closes(file) => {
                let mut then = step(Sweeper::Ended);
                then.files[file].lock = None;
                next.push(then);
            }
            Sweeper::Ended => {}
        }
    }
}

impl Model for Processes {
    fn next(&self) -> Vec<Self> {
        let mut next = Vec::new();
        self.maker(&mut next);
        self.sweeper(0, &mut next);
        self.sweeper(1, &mut next);
        next
    }

    fn is_over(&self) -> bool {
        let named = self.files.iter().filter(|file| file.named).count();
        let left = self.files.iter().filter(|file| file.temporary).count();
        (named, left) == (1, 0) && self.maker == Maker::Ended
    }

    fn check(&self) {
        assert!(
            self.files.len() <= FILES,
            "more tries than there are sweepers: {self:#?}"
        );
    }
}

#[test]
fn in_no_order_is_what_is_being_made_swept_away() {
    let start = Processes {
        files: Vec::new(),
        maker: Maker::Creates,
        sweepers: [Sweeper::Lists, Sweeper::Lists],
    };
    let states = start.explore();
    assert!(states > 100, "{states}");
}
