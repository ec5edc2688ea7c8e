//! One function of a service, understood: what it passes and how that is spelt in a signature.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Error, FnArg, GenericArgument, Ident, Lifetime, Pat, PathArguments, Result, ReturnType,
    TraitItemFn, Type, TypePath, ext::IdentExt,
};
use warren_abi::call::{REGISTER_WORDS, STACK_WORDS};

use crate::lifetimes;

/// Methods of `Ref` and `Req`, and those that every value has: they are found before the functions of a service.
const TAKEN: [&str; 7] = ["as_ref", "clone", "into", "keep", "try_into", "weak", "word"];

/// What a parameter passes.
pub enum Passed {
    /// A value in one word.
    Scalar,
    /// `&[u8]`.
    Buffer,
    /// `&str`.
    Text,
    /// `&mut [u8]`.
    BufferMut,
    /// `Out<'_>`.
    Out,
    /// `&T` with this `T`.
    Structure(Type),
    /// A reference to this `dyn Service`.
    Reference(Type),
}

/// One parameter after the context.
pub struct Parameter {
    pub name: Ident,
    /// As it is written.
    pub written: Type,
    pub passed: Passed,
    /// Its letter in the signature.
    code: char,
}

impl Parameter {
    /// Words that it takes.
    fn words(&self) -> usize {
        match self.passed {
            Passed::Buffer | Passed::Text | Passed::BufferMut | Passed::Out => 2,
            _ => 1,
        }
    }
}

/// What a successful call returns.
pub enum Outcome {
    Nothing,
    /// A value in one word, and its letter.
    Scalar(Type, char),
    /// A flat structure, through a hidden last parameter.
    Structure(Type),
    /// A reference to this `dyn Service`.
    Reference(Type),
}

/// One function.
pub struct Function {
    pub item: TraitItemFn,
    pub name: Ident,
    pub lifetimes: Vec<Lifetime>,
    /// Lifetime of the context, as it is written.
    pub frame: TokenStream,
    pub parameters: Vec<Parameter>,
    pub outcome: Outcome,
    /// `Result<T, E>` as it is written.
    pub answer: Type,
    /// The `E` in it.
    pub error: Type,
}

/// A signature: literal text and, between, numbers that only the compiler knows.
#[derive(Default)]
pub struct Signature {
    pub pieces: Vec<Piece>,
}

/// A part of a signature.
pub enum Piece {
    Text(String),
    Number(TokenStream),
}

impl Signature {
    fn text(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Text(text.into()));
    }

    fn structure(&mut self, code: char, structure: &Type) {
        self.text(code);
        self.pieces.push(Piece::Number(quote!(::warren::raw::structure_bytes::<#structure>())));
    }

    fn reference(&mut self, service: &Type) {
        self.text('r');
        self.pieces.push(Piece::Number(quote!(<#service as ::warren::Service>::ID)));
    }
}

impl Function {
    /// Understands a function of a service, or says what is wrong with it.
    pub fn parse(item: TraitItemFn, atomic: bool) -> Result<Self> {
        if let Some(body) = &item.default {
            return Err(Error::new_spanned(body, "a service is an interface and has no bodies"));
        }
        if let Some(word) = &item.sig.asyncness {
            return Err(Error::new_spanned(word, "a service call is synchronous"));
        }
        let name = name(&item)?;
        let lifetimes = lifetimes::declared(&item.sig)?;
        let mut inputs = item.sig.inputs.iter();
        let context = if atomic { "AtomicCx" } else { "Cx" };
        let frame = frame(inputs.next(), context).map_err(|at| {
            let text = format!("the first parameter is `cx: &mut {context}<'_, Self>`");
            Error::new_spanned(at.unwrap_or_else(|| item.sig.ident.to_token_stream()), text)
        })?;
        let parameters = inputs.map(parameter).collect::<Result<Vec<_>>>()?;
        let (answer, outcome, error) = answer(&item)?;
        if atomic && matches!(outcome, Outcome::Reference(_)) {
            let text = "an atomic service cannot return a reference: its calls have no context";
            return Err(Error::new_spanned(answer, text));
        }
        if let Outcome::Reference(_) = outcome {
            lifetimes::check_result(&answer, &frame)?;
        }
        let function =
            Function { item, name, lifetimes, frame, parameters, outcome, answer, error };
        function.check_words()?;
        Ok(function)
    }

    fn check_words(&self) -> Result<()> {
        let hidden = matches!(self.outcome, Outcome::Structure(_)) as usize;
        let words = self.parameters.iter().map(Parameter::words).sum::<usize>() + hidden;
        let limit = REGISTER_WORDS + STACK_WORDS;
        if words > limit {
            let text = format!("the parameters take {words} words; a call carries {limit}");
            return Err(Error::new_spanned(&self.name, text));
        }
        Ok(())
    }

    /// Name in symbols and descriptions.
    pub fn text(&self) -> String {
        self.name.unraw().to_string()
    }

    /// The signature.
    pub fn signature(&self) -> Signature {
        let mut signature = Signature::default();
        for parameter in &self.parameters {
            match &parameter.passed {
                Passed::Structure(structure) => signature.structure('s', structure),
                Passed::Reference(service) => signature.reference(service),
                _ => signature.text(parameter.code),
            }
        }
        if let Outcome::Structure(structure) = &self.outcome {
            signature.structure('t', structure);
        }
        signature.text('_');
        match &self.outcome {
            Outcome::Nothing | Outcome::Structure(_) => signature.text('n'),
            Outcome::Scalar(_, code) => signature.text(*code),
            Outcome::Reference(service) => signature.reference(service),
        }
        signature
    }
}

/// The name of a function, which nothing else that a reference has may hide.
fn name(item: &TraitItemFn) -> Result<Ident> {
    let name = &item.sig.ident;
    if TAKEN.iter().any(|taken| name.unraw() == taken) {
        let text = format!("`{name}` means something else of a reference: nobody could call it");
        return Err(Error::new_spanned(name, text));
    }
    Ok(name.clone())
}

/// The lifetime in `cx: &mut Cx<'f, Self>`; what stands there instead if it is something else.
fn frame(
    argument: Option<&FnArg>,
    context: &str,
) -> core::result::Result<TokenStream, Option<TokenStream>> {
    let argument = argument.ok_or(None)?;
    let found = || Some(argument.to_token_stream());
    let FnArg::Typed(typed) = argument else { return Err(found()) };
    let Type::Reference(reference) = &*typed.ty else { return Err(found()) };
    let (Some(_), Type::Path(path)) = (reference.mutability, &*reference.elem) else {
        return Err(found());
    };
    let Some(segment) = path.path.segments.last().filter(|it| it.ident == context) else {
        return Err(found());
    };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Err(found()) };
    let mut arguments = arguments.args.iter();
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(GenericArgument::Lifetime(frame)), Some(GenericArgument::Type(state)), None)
            if is_path(state, "Self") =>
        {
            Ok(frame.to_token_stream())
        }
        _ => Err(found()),
    }
}

fn is_path(written: &Type, name: &str) -> bool {
    matches!(written, Type::Path(TypePath { qself: None, path }) if path.is_ident(name))
}

/// The last name of a path and its arguments.
fn named(written: &Type) -> Option<(String, &PathArguments)> {
    let Type::Path(TypePath { qself: None, path }) = written else { return None };
    let segment = path.segments.last()?;
    Some((segment.ident.to_string(), &segment.arguments))
}

/// The letter of a type that travels in one word.
fn scalar(written: &Type) -> Option<char> {
    let (name, PathArguments::None) = named(written)? else { return None };
    match &*name {
        "u8" | "u16" | "u32" | "i8" | "i16" | "i32" | "bool" => Some('v'),
        "u64" | "i64" | "usize" | "isize" => Some('w'),
        _ => None,
    }
}

/// The `dyn Service` in `Ref<'f, dyn Service>`.
fn service(written: &Type) -> Option<Type> {
    let (name, PathArguments::AngleBracketed(arguments)) = named(written)? else { return None };
    let service = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(Type::TraitObject(service)) => {
            Some(Type::TraitObject(service.clone()))
        }
        _ => None,
    });
    service.filter(|_| name == "Ref")
}

fn parameter(argument: &FnArg) -> Result<Parameter> {
    let refused = "a service passes integers, `bool`, `&[u8]`, `&str`, `&mut [u8]`, `Out<'_>`, `&T` with \
                   `T: Flat`, and `Ref<'_, dyn Service>`";
    let FnArg::Typed(typed) = argument else { return Err(Error::new_spanned(argument, refused)) };
    let Pat::Ident(name) = &*typed.pat else {
        return Err(Error::new_spanned(&typed.pat, "a parameter has a name"));
    };
    let written = (*typed.ty).clone();
    let (passed, code) = passed(&written).ok_or_else(|| Error::new_spanned(&written, refused))?;
    Ok(Parameter { name: name.ident.clone(), written, passed, code })
}

fn passed(written: &Type) -> Option<(Passed, char)> {
    if let Some(code) = scalar(written) {
        return Some((Passed::Scalar, code));
    }
    if let Some(service) = service(written) {
        return Some((Passed::Reference(service), 'r'));
    }
    if named(written).is_some_and(|(name, _)| name == "Out") {
        return Some((Passed::Out, 'o'));
    }
    let Type::Reference(reference) = written else { return None };
    match (&*reference.elem, reference.mutability) {
        (Type::Slice(slice), _) if !is_path(&slice.elem, "u8") => None,
        (Type::Slice(_), Some(_)) => Some((Passed::BufferMut, 'b')),
        (Type::Slice(_), None) => Some((Passed::Buffer, 'i')),
        (text, None) if is_path(text, "str") => Some((Passed::Text, 'i')),
        (structure @ Type::Path(_), None) if scalar(structure).is_none() => {
            Some((Passed::Structure(structure.clone()), 's'))
        }
        _ => None,
    }
}

/// `Result<T, E>` as it is written, the `T` understood, and the `E`.
fn answer(item: &TraitItemFn) -> Result<(Type, Outcome, Type)> {
    let refused = || Error::new_spanned(&item.sig, "a service function returns `Result<T, E>`");
    let ReturnType::Type(_, written) = &item.sig.output else { return Err(refused()) };
    let Some((name, PathArguments::AngleBracketed(arguments))) = named(written) else {
        return Err(refused());
    };
    let mut arguments = arguments.args.iter();
    let ("Result", Some(GenericArgument::Type(value)), Some(GenericArgument::Type(error)), None) =
        (&*name, arguments.next(), arguments.next(), arguments.next())
    else {
        return Err(refused());
    };
    Ok(((**written).clone(), outcome(value)?, error.clone()))
}

fn outcome(value: &Type) -> Result<Outcome> {
    if let Some(code) = scalar(value) {
        return Ok(Outcome::Scalar(value.clone(), code));
    }
    if let Some(service) = service(value) {
        return Ok(Outcome::Reference(service));
    }
    match value {
        Type::Tuple(tuple) if tuple.elems.is_empty() => Ok(Outcome::Nothing),
        Type::Path(_) => Ok(Outcome::Structure(value.clone())),
        _ => Err(Error::new_spanned(
            value,
            "a service returns `()`, an integer, a `bool`, a `T: Flat`, or `Ref<'f, dyn Service>`",
        )),
    }
}
