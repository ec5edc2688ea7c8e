//! Steps of a call, in assembly, of which the [`fast_path`](super::fast_path) is put together.
//!
//! A step is text: whoever uses it has the operands that stand in braces in it. Its registers are those of the fast path, and
//! rsp is the first free frame, unless the step says otherwise. The labels of a step that is used for several ways begin with the
//! way's `$name`.

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

/// Assembly of one instruction that changes an object's count, as kernel code in Rust does on other CPUs. [`counts`](super::counts)
/// finds the prefix before it, which means nothing. Local label 73.
macro_rules! counted {
    ($instruction:literal) => {
        concat!(
            "73: .byte 0x3e\n",
            $instruction,
            "
            .pushsection .rodata.count_sites, \"a\"
            .quad 73b
            .popsection\n"
        )
    };
}

/// Assembly that makes the frame, which ends in `$resume` if the call is cut off.
macro_rules! frame_made {
    ($resume:literal) => {
        concat!(
            // From here on the call is made. It has a count of the object, which every way out of it gives back.
            part!("frame"),
            $crate::calls::steps::counted!("inc dword ptr [rdi + {object_count_field}]"),
            "mov [rsp + {callers_stack}], r11\n",
            "mov qword ptr [rsp + {resume}], offset ",
            $resume,
            "\n",
            "mov [rsp + {frame_object}], rdi\n",
            "mov [rsp + {frame_lock}], r15\n",
        )
    };
}

/// Assembly that checks that the callee's lock can be taken, for the call `$name`. It may be given
/// to another CPU as soon as kernel code in Rust runs.
macro_rules! lock_checked {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "mov r15, [rdi + {object_lock}]\n",
            "mov rcx, gs:[{free}]\n",
            "cmp [r15], rcx\n",
            "jne ",
            $name,
            "_not_free\n",
            $name,
            "_free:\n",
        )
    };
}

/// Assembly for a lock that cannot be taken: that of a callee that has none, which is entered nevertheless, or another, or a thread that is
/// marked, which makes the call go on at `$otherwise`.
macro_rules! lock_not_free {
    ($name:literal, $otherwise:literal) => {
        concat!(
            $name,
            "_not_free:\n",
            "cmp rcx, {marked}\n",
            "je ",
            $otherwise,
            "\n",
            "cmp r15, offset {no_lock}\n",
            "je ",
            $name,
            "_free\n",
            "jmp ",
            $otherwise,
            "\n",
        )
    };
}

/// Assembly that makes the frame the newest: it takes the callee's lock, and lets go of the caller's.
macro_rules! lock_taken {
    () => {
        concat!(
            part!("frame"),
            "add rsp, {frame_bytes}
        mov gs:[{frame}], rsp\n"
        )
    };
}

/// Assembly that writes that the caller's lock is held while the call `$name` lasts.
macro_rules! callers_lock_written {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "mov r14, [rsp - {frame_bytes} + {frame_lock}]\n",
            "cmp r14, offset {no_lock}\n",
            "je ",
            $name,
            "_kept\n",
            "mov [r14], rsp\n",
            $name,
            "_kept:\n",
        )
    };
}

/// Assembly that makes the caller's lock read as free again. Clobbers rcx and r14. Local label 74.
macro_rules! callers_lock_unwritten {
    () => {
        concat!(
            part!("lock"),
            "mov rcx, [rsp - {frame_bytes} + {frame_lock}]\n",
            "cmp rcx, offset {no_lock}\n",
            "je 74f\n",
            "mov r14, gs:[{home}]\n",
            "mov [rcx], r14\n",
            "74:\n",
        )
    };
}

/// Assembly that calls a server in the kernel, whose kernel stack pointer is in r12, and gets its answer in rdi and rdx.
/// `$resume` is the frame's.
macro_rules! kernel_called {
    ($resume:literal) => {
        concat!(
            part!("callee called"),
            "mov rsp, r12\n",
            "mov rax, [rbx + {target}]\n",
            "mov rdi, [rdi + {object_state}]\n",
            "mov rcx, r10\n",
            "fninit\n",
            "ldmxcsr [rip + {mxcsr}]\n",
            "sti\n",
            "call rax\n",
            // `resume` of the frame, too. rax: error, rdx: value.
            $resume,
            ":\n",
            "cli\n",
            "mov rdi, rax\n",
            "mov eax, -1\n",
            "mov rsp, gs:[{frame}]\n",
        )
    };
}

/// Assembly that ends the call `$name`: leaves the callee's domain by `$leave`, looks by `$lock` whether the caller's lock can be taken back, and gives back the
/// count. `$odd` is where it goes on if the frame's `resume` is not `$resume`.
macro_rules! callee_left {
    ($name:literal, $resume:literal, $odd:literal, $leave:expr, $lock:expr) => {
        concat!(
            $name,
            "_end:\n",
            "cmp qword ptr [rsp - {frame_bytes} + {resume}], offset ",
            $resume,
            "\n",
            "jne ",
            $odd,
            "\n",
            $leave,
            $lock,
            // There are no temporaries, and the call's count of the object is not the last; or the engine sees to it.
            part!("reference check"),
            "cmp rsp, gs:[{owner}]\n",
            "je ",
            $name,
            "_drop\n",
            "mov rcx, [rsp - {frame_bytes} + {frame_object}]\n",
            $crate::calls::steps::counted!("dec dword ptr [rcx + {object_count_field}]"),
            "jz ",
            $name,
            "_last\n",
        )
    };
}

/// Assembly that leaves the callee's domain for the caller's.
macro_rules! domain_left {
    () => {
        concat!(
            part!("page table"),
            "mov rcx, [rsp - {frame_bytes} + {frame_user_stack}]
        mov rbx, [rsp - {frame_bytes} + {frame_next}]
        mov [rcx + {next}], rbx
        mov rcx, [rsp - 2 * {frame_bytes} + {frame_table}]
        mov rcx, [rcx + {table_root}]
        mov cr3, rcx\n"
        )
    };
}

/// Assembly that makes the [`Passage`](super::carry::Passage) on the kernel's stack, where rsp points to it afterwards. Leaves the frame in rbp, and
/// the call's number in r13.
macro_rules! passage_made {
    () => {
        concat!(
            "mov rbp, gs:[{kernel_stack}]
        cmp rbp, gs:[{stack_limit}]
        jb call_restore\n",
            $crate::calls::steps::kernel_locked!(),
            "mov [rsp + {callers_stack}], r11
        mov r13, rax
        xchg rbp, rsp
        push 0
        push 0
        push [rbx + {counts_output}]
        push [rbx + {carriage}]
        push r9
        push r8
        push r10
        push rdx
        push rsi
        push rdi
        fninit
        ldmxcsr [rip + {mxcsr}]\n"
        )
    };
}

/// Assembly that sees to it that the CPU has the kernel's lock: one CPU alone needs none, another goes back to `call_again` with it,
/// because while it waited everything may have changed. Local label 72. Clobbers rcx and r13.
macro_rules! kernel_locked {
    () => {
        "cmp qword ptr [rip + {cpus}], 1
        lea rcx, [rip + 72f]
        jne call_locks
        72:\n"
    };
}

/// Assembly that gives the kernel's lock back. Where one CPU is alone nobody looks at it.
macro_rules! kernel_unlocked {
    () => {
        "mov qword ptr [rip + {holder}], {nobody}\n"
    };
}

/// Assembly that pushes the words of the passage at `$passage` once more, for the callee.
macro_rules! words_made {
    ($passage:literal) => {
        concat!(
            "push [",
            $passage,
            " + 40]\npush [",
            $passage,
            " + 32]\npush [",
            $passage,
            " + 24]\npush [",
            $passage,
            " + 16]\npush [",
            $passage,
            " + 8]\npush [",
            $passage,
            "]\n",
        )
    };
}

/// Assembly that pops these words.
macro_rules! words_taken {
    () => {
        "pop rdi
        pop rsi
        pop rdx
        pop r10
        pop r8
        pop r9\n"
    };
}

/// Assembly that looks whether the caller's lock can be taken back.
macro_rules! callers_lock_checked {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "mov rcx, [rsp - 2 * {frame_bytes} + {frame_lock}]\n",
            "mov rsi, gs:[{free}]\n",
            "cmp [rcx], rsi\n",
            "jne ",
            $name,
            "_not_free_back\n",
            $name,
            "_free_back:\n",
        )
    };
}

/// The same for an atomic call, whose caller has its lock: only a thread that is marked has to let go of the callee's.
macro_rules! mark_checked {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "cmp qword ptr gs:[{free}], {marked}\n",
            "je ",
            $name,
            "_marked\n",
            $name,
            "_unmarked:\n",
        )
    };
}

/// Assembly that takes the frame away.
macro_rules! frame_popped {
    () => {
        concat!(
            part!("frame"),
            "sub rsp, {frame_bytes}
        mov gs:[{frame}], rsp\n"
        )
    };
}

/// Assembly that restores the registers that the caller finds as they were.
macro_rules! callers_registers_restored {
    () => {
        "mov rbx, [rsp + {saved}]
        mov rbp, [rsp + {saved} + 8]
        mov r12, [rsp + {saved} + 16]
        mov r13, [rsp + {saved} + 24]
        mov r14, [rsp + {saved} + 32]
        mov r15, [rsp + {saved} + 40]\n"
    };
}

/// Assembly that goes back to the domain that called. All bits of eax are set.
macro_rules! to_caller {
    () => {
        concat!(
            part!("return to the caller"),
            restore_extended_by_eax!("rip + {initial}"),
            "mov rax, rdi\n",
            "mov rcx, [rsp + {return_address}]\n",
            $crate::calls::steps::callers_registers_restored!(),
            "mov rsp, [rsp + {callers_stack}]\n",
            "mov r11d, 0x202\n",
            "xor edi, edi\n",
            "xor esi, esi\n",
            "xor r8d, r8d\n",
            "xor r9d, r9d\n",
            "xor r10d, r10d\n",
            "swapgs\n",
            "sysretq\n",
        )
    };
}

/// Assembly for what the end of the call `$name` leaves to the engine, which lets go of the callee's lock first; then the end begins again.
macro_rules! slow_ends {
    ($name:literal, $last:literal) => {
        concat!(
            // There are temporaries to drop. Meanwhile the frame names the system's own object.
            $name,
            "_drop:\n",
            "call_left_and_pushed\n",
            "push qword ptr [rbx - {frame_bytes} + {frame_object}]\n",
            "sub rsp, 8\n",
            "sti\n",
            "call gs:[{slow_drop}]\n",
            "cli\n",
            "add rsp, 8\n",
            "pop rcx\n",
            "mov rbx, gs:[{frame}]\n",
            "mov [rbx - {frame_bytes} + {frame_object}], rcx\n",
            "jmp ",
            $name,
            "_again\n",
            // That was the last count. It is there again before anybody is waited for: what has none is destroyed.
            $name,
            "_last:\n",
            $crate::calls::steps::counted!("inc dword ptr [rcx + {object_count_field}]"),
            "call_left_and_pushed\n",
            "mov rdi, rcx\n",
            "call {",
            $last,
            "}\n",
            // Back to the end's beginning.
            $name,
            "_again:\n",
            "pop rdx\n",
            "pop rdi\n",
            "mov eax, -1\n",
            "mov rsp, gs:[{frame}]\n",
            "jmp ",
            $name,
            "_end\n",
        )
    };
}

/// Assembly that goes on with the end of the call `$name`, which came from a server in the kernel: its frame's `resume` bears the
/// watchdog's mark, or its caller died.
macro_rules! kernel_odd {
    ($name:literal) => {
        concat!(
            $name,
            "_odd:\n",
            "shl qword ptr [rsp - {frame_bytes} + {resume}], 2\n",
            "sar qword ptr [rsp - {frame_bytes} + {resume}], 2\n",
            "cmp qword ptr [rsp - {frame_bytes} + {resume}], offset call_dead_resume\n",
            "jne ",
            $name,
            "_end\n",
            "jmp call_dead_resume\n",
        )
    };
}

/// Assembly that lets go of the callee's lock, waits for the caller's, and ends the call `$name` again. It has its count meanwhile: it may be cut off.
macro_rules! slow_wait {
    ($name:literal) => {
        concat!(
            $name,
            "_not_free_back:\n",
            "cmp rsi, {marked}\n",
            "je ",
            $name,
            "_wait\n",
            "cmp rcx, offset {no_lock}\n",
            "je ",
            $name,
            "_free_back\n",
            $name,
            "_wait:\n",
            "call_left_and_pushed\n",
            "sti\n",
            "call {wait_for_callers}\n",
            "cli\n",
            "jmp ",
            $name,
            "_again\n",
        )
    };
}

pub(super) use {
    callee_left, callers_lock_checked, callers_lock_unwritten, callers_lock_written,
    callers_registers_restored, counted, domain_entered, domain_left, frame_made, frame_popped,
    kernel_called, kernel_locked, kernel_odd, kernel_unlocked, lock_checked, lock_not_free,
    lock_taken, mark_checked, passage_made, slow_ends, slow_wait, to_caller, words_made,
    words_taken,
};
