//! Running a system: in QEMU, or in a Linux process.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`packages`] | installs what the machine lacks, or says how |
//! | [`image`] | the demo disk, made from the project's documents |
//! | [`archive`] | the boot archive: plan and server files |
//! | [`machine`] | QEMU's command line, and what its exit status means |
//! | [`ports`] | ports of this host, and whether they can be had |
//! | [`tap`] | TAP devices of Linux's |
//! | [`words`] | words of the kernel's command line, and who reads them |
//! | [`session`] | a running system's console and log |
//! | [`dependents`] | processes that end when the tool is told to |
//! | [`temporary`] | a folder for one run |
//! | [`keyboard`], [`screen`] | a person's terminal |

pub mod archive;
pub mod dependents;
pub mod image;
pub mod keyboard;
pub mod machine;
pub mod packages;
pub mod ports;
mod screen;
pub mod session;
pub mod tap;
pub mod temporary;
pub mod words;
