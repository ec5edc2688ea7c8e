//! Servers and principals: what a system file defines by name, and another file may change.

use super::is_predefined;
use crate::system::{
    diagnostic::{Diagnostic, did_you_mean},
    source::Located,
    syntax::{Principal, Server},
};

/// Something that a system has several of, each with a name of its own.
pub trait Named {
    /// What it is.
    const WHAT: &'static str;
    /// How a change of the one with this name begins.
    fn how_to_change(name: &str) -> String;
    /// Its name.
    fn name(&self) -> &Located<String>;
    /// The same, to give it another place.
    fn name_mut(&mut self) -> &mut Located<String>;
    /// What is said later replaces what was said earlier of the same thing.
    fn apply(&mut self, later: Self);
}

/// Index of the one with this name.
pub fn position<T: Named>(items: &[T], name: &str) -> Option<usize> {
    items.iter().position(|item| item.name().value == name)
}

/// Names of all.
pub fn names<T: Named>(items: &[T]) -> impl Iterator<Item = &str> + Clone {
    items.iter().map(|item| item.name().value.as_str())
}

/// Adds one, whose name must be new. One that is predefined is altered.
pub fn define<T: Named>(items: &mut Vec<T>, new: T, diagnostics: &mut Vec<Diagnostic>) {
    let name = new.name().clone();
    let Some(at) = position(items, &name.value) else {
        return items.push(new);
    };
    let first = &mut items[at];
    if is_predefined(&first.name().span) {
        *first.name_mut() = name;
        return first.apply(new);
    }
    let message = format!("two {}s are called `{}`", T::WHAT, name.value);
    let how = T::how_to_change(&name.value);
    let help = format!("to alter a {} of an included file, say `{how}`", T::WHAT);
    let found = Diagnostic::error(&name.span, message).also(&first.name().span, "first here");
    diagnostics.push(found.help(help));
}

/// Changes the one with this name.
pub fn change<T: Named>(items: &mut [T], change: T, diagnostics: &mut Vec<Diagnostic>) {
    let name = change.name();
    match position(items, &name.value) {
        Some(at) => items[at].apply(change),
        None => {
            let message = format!("no {} `{}` to change", T::WHAT, name.value);
            let help = did_you_mean(&name.value, names(items));
            diagnostics.push(Diagnostic::error(&name.span, message).maybe_help(help));
        }
    }
}

fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}

impl Named for Server {
    const WHAT: &'static str = "server";

    fn how_to_change(name: &str) -> String {
        format!("change \"{name}\"")
    }

    fn name(&self) -> &Located<String> {
        &self.name
    }

    fn name_mut(&mut self) -> &mut Located<String> {
        &mut self.name
    }

    fn apply(&mut self, later: Self) {
        replace(&mut self.file, later.file);
        replace(&mut self.place, later.place);
        replace(&mut self.memory_limit, later.memory_limit);
        replace(&mut self.watchdog, later.watchdog);
        replace(&mut self.restart, later.restart);
        replace(&mut self.otherwise, later.otherwise);
        replace(&mut self.hosted, later.hosted);
        replace(&mut self.principal, later.principal);
        self.grants.extend(later.grants);
        for connect in later.connects {
            self.connects.retain(|old| old.what.value != connect.what.value);
            self.connects.push(connect);
        }
        for piece in later.hardware {
            let same =
                |field: &Option<Located<String>>| field.as_ref().map(|field| field.value.clone());
            self.hardware.retain(|old| {
                old.piece.node() != piece.piece.node() || same(&old.field) != same(&piece.field)
            });
            self.hardware.push(piece);
        }
        for (name, value) in later.parameters {
            self.parameters.retain(|(old, _)| old.value != name.value);
            self.parameters.push((name, value));
        }
    }
}

impl Named for Principal {
    const WHAT: &'static str = "principal";

    fn how_to_change(name: &str) -> String {
        format!("change principal=\"{name}\"")
    }

    fn name(&self) -> &Located<String> {
        &self.name
    }

    fn name_mut(&mut self) -> &mut Located<String> {
        &mut self.name
    }

    fn apply(&mut self, later: Self) {
        replace(&mut self.parent, later.parent);
        replace(&mut self.scheduler, later.scheduler);
        replace(&mut self.priority, later.priority);
        replace(&mut self.weight, later.weight);
        replace(&mut self.guarantee, later.guarantee);
        replace(&mut self.memory_limit, later.memory_limit);
        replace(&mut self.threads, later.threads);
        replace(&mut self.objects, later.objects);
        replace(&mut self.references, later.references);
    }
}
