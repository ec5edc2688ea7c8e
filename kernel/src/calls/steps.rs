//! Steps of a call, in assembly, of which the ways into and out of a domain are put together.

/// Assembly that enters a domain: the function is in rax, the trampoline in rcx, the arguments and the stack pointer are in place.
/// Every other register is cleared, so that nothing of the caller's or the kernel's shows. r11 becomes the flags: interrupts are on.
macro_rules! domain_entered {
    () => {
        "mov r11d, 0x202
        xor ebx, ebx
        xor ebp, ebp
        xor r12d, r12d
        xor r13d, r13d
        xor r14d, r14d
        xor r15d, r15d
        swapgs
        sysretq"
    };
}

pub(super) use domain_entered;
