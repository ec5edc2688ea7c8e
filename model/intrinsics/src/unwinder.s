# Nothing unwinds, but the precompiled `core` names these two.

.macro never name
    .section .text.\name, "ax", @progbits
    .globl  \name
    .hidden \name
    .type   \name, @function
\name:
    ud2
    .size   \name, . - \name
.endm

never rust_eh_personality
never _Unwind_Resume

.purgem never
.text
