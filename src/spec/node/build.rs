//! From the parser's events to the tree, with a limit on what aliases may add.

mod refuse;

use std::collections::HashMap;

use serde_yaml::granit_parser::{Event, Marker, ScalarStyle, Span};

use super::{DEEPEST, Entry, Node, Scalar, Style, Value};
use crate::error::Error;
use crate::spec::SPEC_LIMIT;
use crate::spec::problems::{At, Problems};

/// What aliases may add: nodes and characters of text together. Stops the ten lines that become gigabytes.
const MOST_BY_ALIAS: usize = SPEC_LIMIT;

/// A list or map that is being read.
struct Open {
    at: At,
    anchor: usize,
    kind: Kind,
    weight: usize,
    height: usize,
}

enum Kind {
    List(Vec<Node>),
    /// The entries, and the key whose value comes next: `Some(None)` for a key that was refused.
    Map(Vec<Entry>, Option<Option<(String, At)>>),
}

/// A finished node with what it costs to copy.
struct Built {
    node: Node,
    /// Nodes and characters in it.
    weight: usize,
    /// How deep it goes.
    height: usize,
}

/// Builds the tree from the parser's events.
pub struct Builder<'t, 'p, 'a> {
    text: &'t str,
    problems: &'p mut Problems<'a>,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    by_alias: usize,
    documents: usize,
    root: Option<Node>,
}

/// A problem after which reading on makes no sense.
pub type Fatal = (At, Error);

impl<'t, 'p, 'a> Builder<'t, 'p, 'a> {
    /// Nothing read yet of `text`.
    pub fn new(text: &'t str, problems: &'p mut Problems<'a>) -> Self {
        Builder {
            text,
            problems,
            open: Vec::new(),
            anchors: HashMap::new(),
            by_alias: 0,
            documents: 0,
            root: None,
        }
    }

    /// Takes the next event.
    pub fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fatal> {
        let at = place(span.start);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let error = Error::usage("the spec holds more than one document")
                        .hint("leave out the line `---`; one spec names any number of artifacts");
                    return Err((at, error));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal => Style::Literal,
                    _ => Style::Quoted,
                };
                // The parser gives "~" for a value that isn't there.
                let empty = style == Style::Plain && span.start.index() == span.end.index();
                let text = if empty { String::new() } else { text.into_owned() };
                let scalar = Scalar { text, style };
                let value = if self.refuse_tag(tag.as_deref(), &span, "str") {
                    Value::Broken
                } else if anchor != 0 && empty {
                    self.refuse_lone_anchor(span.start);
                    Value::Broken
                } else {
                    Value::Scalar(scalar)
                };
                let weight = match &value {
                    Value::Scalar(scalar) => 1 + scalar.text.len(),
                    _ => 1,
                };
                let built = Built {
                    node: Node { at, value },
                    weight,
                    height: 0,
                };
                return self.add(built, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &span, "seq");
                self.begin(at, anchor, Kind::List(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &span, "map");
                self.begin(at, anchor, Kind::Map(Vec::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => return self.end(),
            Event::Alias(id) => return self.alias(id, at),
            Event::UnresolvedAlias(name) => {
                self.refuse_alias(&name, &span);
                let built = Built {
                    node: Node {
                        at,
                        value: Value::Broken,
                    },
                    weight: 1,
                    height: 0,
                };
                return self.add(built, 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, at: At, anchor: usize, kind: Kind) {
        self.open.push(Open {
            at,
            anchor,
            kind,
            weight: 1,
            height: 1,
        });
    }

    fn end(&mut self) -> Result<(), Fatal> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.kind {
            Kind::List(nodes) => Value::List(nodes),
            Kind::Map(entries, _) => Value::Map(entries),
        };
        let built = Built {
            node: Node { at: open.at, value },
            weight: open.weight,
            height: open.height,
        };
        self.add(built, open.anchor)
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, built: Built, anchor: usize) -> Result<(), Fatal> {
        if anchor != 0 {
            self.spend(&built)?;
            let copy = Built {
                node: built.node.clone(),
                ..built
            };
            self.anchors.insert(anchor, copy);
        }
        let Built { node, weight, height } = built;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight += weight;
        open.height = open.height.max(height + 1);
        match &mut open.kind {
            Kind::List(nodes) => nodes.push(node),
            Kind::Map(entries, pending) => match pending.take() {
                Some(Some((key, at))) => entries.push(Entry { key, at, value: node }),
                Some(None) => {}
                None => *pending = Some(key(node, self.problems)),
            },
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: At) -> Result<(), Fatal> {
        // Absent for an alias inside its own anchor, which would never end.
        let Some(anchored) = self.anchors.get(&id) else {
            return Err((
                at,
                Error::usage("an alias stands inside its own anchor").hint("write the value out"),
            ));
        };
        if self.open.len() + anchored.height > DEEPEST {
            return Err((at, too_deep()));
        }
        let mut copy = Built {
            node: Node {
                at,
                value: Value::Broken,
            },
            ..*anchored
        };
        self.spend(&copy)?;
        if let Some(anchored) = self.anchors.get(&id) {
            copy.node.value = anchored.node.value.clone();
        }
        self.add(copy, 0)
    }

    fn spend(&mut self, built: &Built) -> Result<(), Fatal> {
        self.by_alias = self.by_alias.saturating_add(built.weight);
        if self.by_alias <= MOST_BY_ALIAS {
            return Ok(());
        }
        let error = Error::usage("the aliases of the spec make it too large")
            .hint("write out what differs, and give fewer parts an alias");
        Err((built.node.at, error))
    }

    /// For a text that can't be read on.
    pub fn give_up(self, at: At, error: Error) {
        // `*.{a,b}` is an alias with something behind it: one mistake, told already.
        if !self.problems.has_line(at.line) {
            self.problems.add(at, error);
        }
    }

    /// The tree, once all events were taken.
    pub fn finish(self) -> Option<Node> {
        let empty = match &self.root {
            None => self.documents == 0,
            Some(node) => matches!(&node.value, Value::Scalar(scalar) if scalar.is_null()),
        };
        if empty {
            self.problems
                .add_whole(Error::usage("the spec is empty").hint("write at least `artifacts:` with one `reference`"));
            return None;
        }
        self.root
    }
}

/// The key in `node`, unless it is none.
fn key(node: Node, problems: &mut Problems<'_>) -> Option<(String, At)> {
    match node.value {
        Value::Scalar(scalar) if scalar.style == Style::Plain && scalar.text == "<<" => {
            problems.add(
                node.at,
                Error::usage("merge keys (`<<`) aren't supported")
                    .hint("write the keys out, or give a whole value an anchor and use its alias"),
            );
            None
        }
        Value::Scalar(scalar) => Some((scalar.text, node.at)),
        Value::Broken => None,
        Value::List(_) | Value::Map(_) => {
            let hint = "a value that starts with '{' or '[' must be quoted";
            problems.add(node.at, Error::usage("a key must be text").hint(hint));
            None
        }
    }
}

pub(in crate::spec) fn too_deep() -> Error {
    Error::usage(format!("lists and maps lie more than {DEEPEST} deep in each other"))
        .hint("a spec needs six levels at most")
}

/// Where a marker of the parser stands; its columns count from 0.
pub fn place(marker: Marker) -> At {
    let number = |from: usize| u32::try_from(from).unwrap_or(u32::MAX);
    At {
        line: number(marker.line()),
        column: number(marker.col().saturating_add(1)),
    }
}
