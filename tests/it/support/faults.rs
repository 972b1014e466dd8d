//! What a server does wrong on purpose: rules that match a request, so many times, and then act.
//!
//! ```ignore
//! registry.fault(Fault::on("PUT", "/blobs/uploads/").answer(503).header("retry-after", "0"));
//! registry.fault(Fault::on("GET", "/blobs/").skip(1).times(2).cut_answer(1000));
//! ```

use super::message::{Reply, Request};

/// A rule. By default it acts on the first request that matches, once.
#[derive(Clone, Debug)]
pub struct Fault {
    method: String,
    path: String,
    skip: usize,
    times: usize,
    pub action: Action,
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Action {
    /// This answer instead of the right one. The request has no effect.
    Answer(Reply),
    /// The same, before the request's body is read; the connection may be closed on it.
    AnswerUnread(Reply),
    /// So many bytes of the request's body are taken in, then the connection is closed without an answer.
    CutRequest(usize),
    /// The request takes effect, and the connection is closed without an answer.
    LoseAnswer,
    /// So many bytes of the right answer's body, then the connection is closed.
    CutAnswer(usize),
    /// So many bytes of the right answer's body, then silence.
    StallAnswer(usize),
    /// No answer at all, and the request has no effect.
    Stall,
    /// The right answer with another byte at this place of the body.
    Corrupt(usize),
    /// The right answer without this header.
    DropHeader(String),
    /// The right answer with this header.
    SetHeader(String, String),
}

impl Fault {
    /// For requests of `method` (`*`: any) whose path and query contain `path`. Add an action.
    pub fn on(method: &str, path: &str) -> Self {
        Fault {
            method: method.to_owned(),
            path: path.to_owned(),
            skip: 0,
            times: 1,
            action: Action::Stall,
        }
    }

    /// Leaves the first `count` requests that match alone.
    pub fn skip(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Acts `count` times.
    pub fn times(mut self, count: usize) -> Self {
        self.times = count;
        self
    }

    /// Acts for ever.
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    pub fn act(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// Answers `status` without a body.
    pub fn answer(self, status: u16) -> Self {
        self.act(Action::Answer(Reply::new(status)))
    }

    /// Answers `status` before the body is read.
    pub fn answer_unread(self, status: u16) -> Self {
        self.act(Action::AnswerUnread(Reply::new(status)))
    }

    /// Answers 307 with this Location.
    pub fn redirect(self, to: &str) -> Self {
        self.answer(307).header("location", to)
    }

    /// A header of the answer; without [`Fault::answer`] before it, one of the right answer.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match &mut self.action {
            Action::Answer(reply) | Action::AnswerUnread(reply) => reply.set(name, value),
            _ => self.action = Action::SetHeader(name.to_owned(), value.to_owned()),
        }
        self
    }

    /// The body of the answer given by [`Fault::answer`].
    pub fn body(mut self, text: &str) -> Self {
        if let Action::Answer(reply) | Action::AnswerUnread(reply) = &mut self.action {
            reply.body = text.to_owned().into();
        }
        self
    }

    pub fn cut_request(self, after: usize) -> Self {
        self.act(Action::CutRequest(after))
    }

    pub fn lose_answer(self) -> Self {
        self.act(Action::LoseAnswer)
    }

    pub fn cut_answer(self, after: usize) -> Self {
        self.act(Action::CutAnswer(after))
    }

    pub fn stall_answer(self, after: usize) -> Self {
        self.act(Action::StallAnswer(after))
    }

    pub fn stall(self) -> Self {
        self.act(Action::Stall)
    }

    pub fn corrupt(self, at: usize) -> Self {
        self.act(Action::Corrupt(at))
    }

    pub fn drop_header(self, name: &str) -> Self {
        self.act(Action::DropHeader(name.to_owned()))
    }
}

/// The rules of a server. The first that matches counts the request, and acts unless it skips it.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn next(&mut self, request: &Request) -> Option<Action> {
        let fault = self.0.iter_mut().find(|fault| {
            fault.times > 0
                && (fault.method == "*" || fault.method == request.method)
                && request.path.contains(&fault.path)
        })?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times = fault.times.saturating_sub(1);
        Some(fault.action.clone())
    }
}
