//! From a stage to a server.

/// Makes a server a program.
///
/// `program!(Cat, Run, Copying)`: the server `Cat`, which says `provides(Program), locals(Run)`, does what `Copying` does,
/// a [`Stage`](crate::Stage) or [`Work<Run>`](crate::Work). The local server `Run` is made here: one run, and the stream
/// of what it puts out. The program's name and what it does, in a line, are the server's own.
///
/// `program!(Kill requires Needs, Run, Ending)`: the same of a server that is nothing else, `pub struct Kill {}`, with these requirements. As it has
/// no state, there is nothing to be said of how it starts, and [`Server`](warren::Server) is implemented here, too.
#[macro_export]
macro_rules! program {
    ($server:ident requires $needs:ty, $run:ident, $work:ty) => {
        impl ::warren::Server for $server {
            type Required = $needs;

            fn new(
                _: &mut ::warren::Cx<'_, ::warren::New<Self>>,
            ) -> ::core::result::Result<Self, ::warren::StartError> {
                Ok($server {})
            }
        }

        $crate::program!($server, $run, $work);
    };

    ($server:ident, $run:ident, $work:ty) => {
        /// One run of the program. What it consists of is taken out while it is read.
        #[::warren::local(provides = ::warren_idl::Stream, parent = $server)]
        pub struct $run {
            run: ::core::option::Option<$crate::Run<$work>>,
        }

        impl ::warren_idl::Program for $server {
            fn start<'f>(
                cx: &mut ::warren::Cx<'f, Self>,
                arguments: &[u8],
                directory: &str,
                files: ::warren::Ref<'f, dyn ::warren_idl::FileSystem>,
                input: ::warren::Ref<'f, dyn ::warren_idl::Stream>,
                supervisor: ::warren::Ref<'f, dyn ::warren_idl::Supervisor>,
            ) -> ::core::result::Result<
                ::warren::Ref<'f, dyn ::warren_idl::Stream>,
                ::warren_idl::ProgramError,
            > {
                let name = <$server as ::warren::raw::Tables>::CLAIMS.name;
                let invocation = $crate::run::Invocation {
                    name,
                    arguments,
                    directory,
                    files,
                    input,
                    supervisor,
                };
                let run = $crate::Run::start::<_, $run>(cx, invocation)?;
                Ok(cx.spawn($run { run: Some(run) })?)
            }

            fn manual(
                _: &mut ::warren::Cx<'_, Self>,
                mut text: ::warren::Out<'_>,
            ) -> ::core::result::Result<u64, ::warren_idl::ProgramError> {
                let claims = &<$server as ::warren::raw::Tables>::CLAIMS;
                let manual = <$work as $crate::Work<$run>>::MANUAL;
                let manual = manual.text(claims.name, claims.summary);
                text.fill_from(manual.as_bytes());
                Ok(manual.len() as u64)
            }
        }

        impl ::warren_idl::Stream for $run {
            fn read(
                cx: &mut ::warren::Cx<'_, Self>,
                mut buffer: ::warren::Out<'_>,
            ) -> ::core::result::Result<u64, ::warren_idl::StreamError> {
                let mut run = cx.run.take().ok_or(::warren_idl::StreamError::Busy)?;
                let read = run.read(cx, &mut buffer);
                cx.run = Some(run);
                read
            }

            fn status(
                cx: &mut ::warren::Cx<'_, Self>,
            ) -> ::core::result::Result<u64, ::warren_idl::StreamError> {
                let run = cx.run.as_ref().ok_or(::warren_idl::StreamError::Busy)?;
                Ok(run.status())
            }
        }
    };
}
