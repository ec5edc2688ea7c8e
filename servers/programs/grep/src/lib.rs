//! `grep`: lines that match a regular expression.
//!
//! The expressions are those of the `regex-automata` crate, over bytes: a file need not be text. Its
//! automaton is built while it is needed and has no backtracking, so no expression takes for ever.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use regex_automata::Input as Haystack;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use warren::server;
use warren_idl::{FileStatus, Program};
use warren_program::{
    Arguments, CHUNK_BYTES, Context, Flow, MISUSED, Manual, Stage, Stop, UsageError,
    input::{Input, Inputs, Lines, Next},
    program,
    walk::Walk,
};

/// Shows lines that match a regular expression.
#[server(
    provides(Program),
    locals(Run),
    summary = "show lines that match a regular expression",
    stack = 32768
)]
pub struct Grep {}

program!(Grep requires (), Run, Searching);

/// Groups within groups that an expression may have: compiling it takes stack for each.
const EXPRESSION_DEPTH: u32 = 16;

/// Memory that an expression may take, compiled and at work.
const EXPRESSION_BYTES: usize = 1024 * 1024;

/// A compiled expression.
struct Matcher {
    automaton: DFA,
    cache: Cache,
}

impl Matcher {
    fn new(expression: &str, ignore_case: bool) -> Result<Self, UsageError> {
        let syntax = syntax::Config::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(ignore_case)
            .nest_limit(EXPRESSION_DEPTH);
        let limits = thompson::Config::new().utf8(false).nfa_size_limit(Some(EXPRESSION_BYTES));
        let cache = DFA::config().cache_capacity(EXPRESSION_BYTES).skip_cache_capacity_check(true);
        let automaton = DFA::builder()
            .configure(cache)
            .syntax(syntax)
            .thompson(limits)
            .build(expression)
            .map_err(|_| UsageError(format!("not a regular expression: {expression}")))?;
        let cache = automaton.create_cache();
        Ok(Matcher { automaton, cache })
    }

    fn matches(&mut self, line: &[u8]) -> bool {
        let haystack = Haystack::new(line).earliest(true);
        // Only an automaton that gives up can fail, and this one was not told when to.
        matches!(self.automaton.try_search_fwd(&mut self.cache, &haystack), Ok(Some(_)))
    }
}

struct Options {
    numbers: bool,
    inverted: bool,
    count: bool,
    names: bool,
    prefix: bool,
}

/// The files to search: operands, or what a walk comes to.
struct Source {
    inputs: Option<Inputs>,
    walk: Option<Walk>,
    failed: bool,
}

impl Source {
    fn next(&mut self, context: &mut Context<'_>) -> Result<Next, Stop> {
        if let Some(inputs) = &mut self.inputs {
            let next = inputs.next(context)?;
            self.failed |= inputs.failed;
            return Ok(next);
        }
        let Some(walk) = &mut self.walk else { return Ok(Next::None) };
        while let Some(found) = walk.next(context)? {
            if found.kind == FileStatus::FILE {
                let next = Inputs::new(Vec::from([found.path])).next(context)?;
                self.failed |= matches!(next, Next::Bad);
                return Ok(next);
            }
        }
        self.failed |= walk.failed;
        Ok(Next::None)
    }
}

struct Searching {
    source: Source,
    search: Search,
    current: Option<Progress>,
}

impl Stage for Searching {
    const MANUAL: Manual = Manual {
        usage: "[-i] [-n] [-v] [-c] [-l] [-r] EXPRESSION [FILE…]",
        details: "-i  letters (of ASCII) in either case\n-n  with line numbers\n-v  lines that do not match\n\
              -c  only how many lines\n-l  only names of files\n-r  whole directories\n\
              The status is 0 if a line was shown, 1 if none was, 2 after an error.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let mut arguments = Arguments::parse(arguments, "invclr", "")?;
        if arguments.operands.is_empty() {
            return Err(UsageError("EXPRESSION is missing".into()));
        }
        let expression = arguments.operands.remove(0);
        let matcher = Matcher::new(&expression, arguments.has('i'))?;
        let recursive = arguments.has('r');
        let mut operands = arguments.operands.clone();
        if recursive && operands.is_empty() {
            operands.push(String::from("."));
        }
        let options = Options {
            numbers: arguments.has('n'),
            inverted: arguments.has('v'),
            count: arguments.has('c'),
            names: arguments.has('l'),
            prefix: recursive || operands.len() > 1,
        };
        let (walk, operands) =
            if recursive { (Some(Walk::new(operands)), None) } else { (None, Some(operands)) };
        let inputs = operands.map(Inputs::new);
        let search = Search { matcher, options, found: false };
        Ok(Searching { source: Source { inputs, walk, failed: false }, search, current: None })
    }

    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        if let Some(mut progress) = self.current.take() {
            if self.search.advance(&mut progress, context, output)? {
                self.source.failed |= progress.lines.input.failed;
                progress.lines.input.close(context);
            } else {
                self.current = Some(progress);
            }
            return Ok(Flow::More);
        }
        match self.source.next(context)? {
            Next::Input(input) => self.current = Some(Progress::new(input)),
            Next::Bad => {}
            Next::None if self.source.failed => return Ok(Flow::End(MISUSED)),
            Next::None => return Ok(Flow::End((!self.search.found).into())),
        }
        Ok(Flow::More)
    }
}

/// How far the search of one input is.
struct Progress {
    lines: Lines,
    number: u64,
    count: u64,
}

impl Progress {
    fn new(input: Input) -> Self {
        Progress { lines: Lines::new(input), number: 0, count: 0 }
    }
}

struct Search {
    matcher: Matcher,
    options: Options,
    found: bool,
}

impl Search {
    /// Searches on, up to a chunk of output. `true` when done with the input.
    fn advance(
        &mut self,
        progress: &mut Progress,
        context: &mut Context<'_>,
        output: &mut Vec<u8>,
    ) -> Result<bool, Stop> {
        let before = output.len();
        while output.len() - before < CHUNK_BYTES {
            let Some(line) = progress.lines.next(context)? else {
                self.summarise(progress, output);
                return Ok(true);
            };
            progress.number += 1;
            if self.matcher.matches(line) == self.options.inverted {
                continue;
            }
            progress.count += 1;
            self.found = true;
            let line = line.to_vec();
            let title = progress.lines.input.title();
            if self.options.names {
                output.extend(format!("{title}\n").bytes());
                return Ok(true);
            }
            if self.options.count {
                continue;
            }
            if line.contains(&0) {
                output.extend(format!("grep: {title}: binary file matches\n").bytes());
                return Ok(true);
            }
            self.show(title, progress.number, &line, output);
        }
        Ok(false)
    }

    fn show(&self, title: &str, number: u64, line: &[u8], output: &mut Vec<u8>) {
        if self.options.prefix {
            output.extend(format!("{title}:").bytes());
        }
        if self.options.numbers {
            output.extend(format!("{number}:").bytes());
        }
        output.extend(line);
        output.push(b'\n');
    }

    fn summarise(&self, progress: &Progress, output: &mut Vec<u8>) {
        if self.options.count {
            let prefix = if self.options.prefix { progress.lines.input.title() } else { "" };
            let colon = if self.options.prefix { ":" } else { "" };
            output.extend(format!("{prefix}{colon}{}\n", progress.count).bytes());
        }
    }
}
