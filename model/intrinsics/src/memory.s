# Memory routines. System V ABI: arguments in rdi, rsi, rdx, result in rax; all vector registers are scratch.
# The direction flag is clear on entry, as the ABI has it.

.macro function name
    .section .text.\name, "ax", @progbits
    .globl  \name
    .hidden \name
    .type   \name, @function
    .p2align 4
\name:
.endm

.macro end name
    .size   \name, . - \name
.endm

# void *memmove(void *to, const void *from, size_t bytes). Everything up to 32 bytes is read before anything
# is written, in two pieces that may overlap; longer ranges go forwards or backwards, whichever does not
# overwrite what is still to be read.
function memmove
    mov     %rdi, %rax
    cmp     $32, %rdx
    ja      5f
    cmp     $16, %edx
    jae     4f
    cmp     $8, %edx
    jae     3f
    cmp     $4, %edx
    jae     2f
    test    %edx, %edx
    jz      1f
    # 1 to 3 bytes: first, middle, last.
    mov     %rdx, %rcx
    shr     $1, %rcx
    movzbl  (%rsi), %r8d
    movzbl  (%rsi,%rcx), %r9d
    movzbl  -1(%rsi,%rdx), %r10d
    mov     %r8b, (%rdi)
    mov     %r9b, (%rdi,%rcx)
    mov     %r10b, -1(%rdi,%rdx)
1:  ret
2:  mov     (%rsi), %r8d
    mov     -4(%rsi,%rdx), %r9d
    mov     %r8d, (%rdi)
    mov     %r9d, -4(%rdi,%rdx)
    ret
3:  mov     (%rsi), %r8
    mov     -8(%rsi,%rdx), %r9
    mov     %r8, (%rdi)
    mov     %r9, -8(%rdi,%rdx)
    ret
4:  movups  (%rsi), %xmm0
    movups  -16(%rsi,%rdx), %xmm1
    movups  %xmm0, (%rdi)
    movups  %xmm1, -16(%rdi,%rdx)
    ret
5:  mov     %rdi, %rcx
    sub     %rsi, %rcx
    cmp     %rdx, %rcx
    jb      7f
    # Forwards. The last 32 bytes are read first and written last.
    movups  -32(%rsi,%rdx), %xmm2
    movups  -16(%rsi,%rdx), %xmm3
    lea     -32(%rdi,%rdx), %r8
    cmp     $512, %rdx
    jae     9f
6:  movups  (%rsi), %xmm0
    movups  16(%rsi), %xmm1
    movups  %xmm0, (%rdi)
    movups  %xmm1, 16(%rdi)
    add     $32, %rsi
    add     $32, %rdi
    cmp     %r8, %rdi
    jb      6b
    movups  %xmm2, (%r8)
    movups  %xmm3, 16(%r8)
    ret
    # Backwards. The first 32 bytes are read first and written last.
7:  movups  (%rsi), %xmm2
    movups  16(%rsi), %xmm3
    lea     32(%rdi), %r8
    add     %rdx, %rdi
    add     %rdx, %rsi
8:  movups  -32(%rsi), %xmm0
    movups  -16(%rsi), %xmm1
    movups  %xmm0, -32(%rdi)
    movups  %xmm1, -16(%rdi)
    sub     $32, %rsi
    sub     $32, %rdi
    cmp     %r8, %rdi
    ja      8b
    movups  %xmm2, (%rax)
    movups  %xmm3, 16(%rax)
    ret
    # Forwards, and long: what the processor has for that, up to less than 8 bytes before the end, which are among the last 32.
9:  mov     %rdx, %rcx
    shr     $3, %rcx
    rep movsq
    movups  %xmm2, (%r8)
    movups  %xmm3, 16(%r8)
    ret
end memmove

# void *memcpy(void *to, const void *from, size_t bytes)
function memcpy
    jmp     memmove
end memcpy

# void *memset(void *to, int byte, size_t bytes)
function memset
    mov     %rdi, %rax
    movzbl  %sil, %esi
    movabs  $0x0101010101010101, %rcx
    imul    %rcx, %rsi
    cmp     $16, %rdx
    jae     4f
    cmp     $8, %edx
    jae     3f
    cmp     $4, %edx
    jae     2f
    test    %edx, %edx
    jz      1f
    mov     %rdx, %rcx
    shr     $1, %rcx
    mov     %sil, (%rdi)
    mov     %sil, (%rdi,%rcx)
    mov     %sil, -1(%rdi,%rdx)
1:  ret
2:  mov     %esi, (%rdi)
    mov     %esi, -4(%rdi,%rdx)
    ret
3:  mov     %rsi, (%rdi)
    mov     %rsi, -8(%rdi,%rdx)
    ret
4:  movq    %rsi, %xmm0
    punpcklqdq %xmm0, %xmm0
    # Where the last 16 bytes begin, and the last 64 if there are so many.
    lea     -16(%rdi,%rdx), %r8
    lea     -64(%rdi,%rdx), %rcx
    jmp     6f
5:  movups  %xmm0, (%rdi)
    movups  %xmm0, 16(%rdi)
    movups  %xmm0, 32(%rdi)
    movups  %xmm0, 48(%rdi)
    add     $64, %rdi
6:  cmp     %rcx, %rdi
    jbe     5b
    jmp     8f
7:  movups  %xmm0, (%rdi)
    add     $16, %rdi
8:  cmp     %r8, %rdi
    jb      7b
    movups  %xmm0, (%r8)
    ret
end memset

# int memcmp(const void *a, const void *b, size_t bytes). Words are compared with their first byte highest.
function memcmp
    cmp     $8, %rdx
    jb      3f
1:  mov     (%rdi), %rax
    mov     (%rsi), %rcx
    cmp     %rcx, %rax
    jne     2f
    add     $8, %rdi
    add     $8, %rsi
    sub     $8, %rdx
    cmp     $8, %rdx
    jae     1b
    jmp     3f
2:  bswap   %rax
    bswap   %rcx
    cmp     %rcx, %rax
    sbb     %eax, %eax
    or      $1, %eax
    ret
3:  test    %rdx, %rdx
    jz      5f
4:  movzbl  (%rdi), %eax
    movzbl  (%rsi), %ecx
    sub     %ecx, %eax
    jnz     6f
    inc     %rdi
    inc     %rsi
    dec     %rdx
    jnz     4b
5:  xor     %eax, %eax
6:  ret
end memcmp

# int bcmp(const void *a, const void *b, size_t bytes)
function bcmp
    jmp     memcmp
end bcmp

# size_t strlen(const char *text)
function strlen
    mov     %rdi, %rax
1:  cmpb    $0, (%rax)
    je      2f
    inc     %rax
    jmp     1b
2:  sub     %rdi, %rax
    ret
end strlen

.purgem function
.purgem end
.text

# For C servers, which assemble this file by itself: no executable stack.
.section .note.GNU-stack, "", @progbits
.text
