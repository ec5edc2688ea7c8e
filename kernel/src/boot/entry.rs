//! From the boot loader to Rust: 32-bit code that builds the first page tables and enters long mode.
//!
//! Two loaders jump here in 32-bit protected mode without paging: PVH with the address of its start
//! information in ebx, Multiboot2 with the address of its tags in ebx. Both continue in `boot_start`,
//! which maps the first 4 GiB three times by 2 MiB pages: at its own address, at the direct map, and
//! (the first GiB) at the kernel's. [`crate::memory`] replaces these tables by exact ones and
//! the low mapping is never seen again.
#![expect(unsafe_code, reason = "the first instructions")]

/// `kind` of [`super::start`]: the information is PVH's.
pub const PVH: u64 = 0;
/// `kind` of [`super::start`]: the information is Multiboot2's.
pub const MULTIBOOT2: u64 = 1;

/// Bytes of the stack that boot code, and later the idle thread, runs on.
pub const BOOT_STACK_BYTES: usize = 64 * 1024;

/// Assembly that enters long mode with the boot tables, from any mode; CR4 is set. The next jump has to go to the 64-bit code segment.
macro_rules! long_mode_entered {
    () => {
        concat!(
            "mov cr4, eax\n",
            "mov eax, offset boot_pml4\n",
            "mov cr3, eax\n",
            "mov ecx, 0xc0000080\n", // EFER
            "rdmsr\n",
            "or eax, 0x901\n", // SCE, LME, NXE
            "wrmsr\n",
            "mov eax, cr0\n",
            "and eax, 0x9ffffff3\n", // not EM, TS, CD, NW
            "or eax, 0x80010023\n",  // PG, WP, NE, MP, PE
            "mov cr0, eax\n",
        )
    };
}

/// Assembly that loads the data segments that every CPU has.
macro_rules! data_segments_loaded {
    () => {
        concat!(
            "mov eax, 16\n",
            "mov ds, eax\n",
            "mov es, eax\n",
            "mov ss, eax\n",
            "xor eax, eax\n",
            "mov fs, eax\n",
            "mov gs, eax\n",
        )
    };
}

core::arch::global_asm!(
    // The note by which PVH loaders find the entry. QEMU reads eight bytes of it.
    ".pushsection .note.pvh, \"a\", @note",
    ".balign 4",
    ".long 4, 8, 18",
    ".asciz \"Xen\"",
    ".quad boot_pvh",
    ".popsection",

    // The header by which Multiboot2 loaders find the entry.
    ".pushsection .boot.header, \"a\"",
    ".balign 8",
    "boot_multiboot2_header:",
    ".long 0xe85250d6, 0, boot_multiboot2_header_end - boot_multiboot2_header",
    ".long -(0xe85250d6 + (boot_multiboot2_header_end - boot_multiboot2_header))",
    ".balign 8",
    ".word 3, 0",                       // entry address
    ".long 12, boot_multiboot2",
    ".balign 8",
    ".word 6, 0",                       // modules on page boundaries
    ".long 8",
    ".balign 8",
    ".word 0, 0",
    ".long 8",
    "boot_multiboot2_header_end:",
    ".popsection",

    ".pushsection .boot.text, \"ax\"",
    ".code32",
    ".globl boot_pvh",
    "boot_pvh:",
    "mov esi, {pvh}",
    "jmp boot_start",
    ".globl boot_multiboot2",
    "boot_multiboot2:",
    "mov esi, {multiboot2}",
    // esi: who loaded us, ebx: where the information is.
    "boot_start:",
    "cli",
    "cld",
    "lgdt [boot_descriptors_pointer]",
    "mov edi, offset boot_directories",
    "mov eax, 0x83",                    // present, writable, 2 MiB
    "mov ecx, 2048",
    "2:",
    "mov [edi], eax",
    "add edi, 8",
    "add eax, 0x200000",
    "loop 2b",
    "mov eax, cr4",
    "or eax, 0x6a0",                    // PAE, PGE, OSFXSR, OSXMMEXCPT
    long_mode_entered!(),
    ".byte 0xea",                       // far jump to the 64-bit code segment
    ".long boot_long",
    ".word 8",
    ".code64",
    "boot_long:",
    data_segments_loaded!(),
    "movabs rsp, offset boot_stack_top",
    "mov edi, esi",
    "mov esi, ebx",
    "xor ebp, ebp",
    "movabs rax, offset {start}",
    "call rax",
    "ud2",
    ".popsection",

    ".pushsection .boot.data, \"aw\"",
    ".balign 16",
    ".globl boot_descriptors",
    "boot_descriptors: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff",
    "boot_descriptors_pointer: .word 23",
    ".long boot_descriptors",
    ".balign 4096",
    ".globl boot_pml4",
    "boot_pml4:",
    ".quad boot_low + 3",
    ".fill 255, 8, 0",
    ".quad boot_low + 3",               // the direct map
    ".fill 254, 8, 0",
    ".quad boot_high + 3",
    "boot_low:",
    ".quad boot_directories + 3, boot_directories + 0x1003",
    ".quad boot_directories + 0x2003, boot_directories + 0x3003",
    ".fill 508, 8, 0",
    "boot_high:",
    ".fill 510, 8, 0",
    ".quad boot_directories + 3",
    ".quad 0",
    ".popsection",

    ".pushsection .boot.bss, \"aw\", @nobits",
    ".balign 4096",
    "boot_directories: .skip 4 * 4096",
    ".popsection",

    // The lowest page is never mapped by the final tables: it guards the stack.
    ".pushsection .bss.boot_stack, \"aw\", @nobits",
    ".balign 4096",
    ".globl boot_stack_guard",
    "boot_stack_guard: .skip 4096 + {stack_bytes}",
    ".globl boot_stack_top",
    "boot_stack_top:",
    ".popsection",
    pvh = const PVH,
    multiboot2 = const MULTIBOOT2,
    start = sym super::start,
    stack_bytes = const BOOT_STACK_BYTES,
);

pub(super) use {data_segments_loaded, long_mode_entered};
