/*
 * What a Warren server in C is written with.
 *
 * The fixed part: results, references, system calls, the exported table and the description. The
 * services come from a generated header (services.h beside this file), one C type for each, one function
 * for each call, and one table type for whoever implements it.
 *
 * The rule is the model's, and nobody enforces it here: at each call that is not atomic the server is
 * unlocked, so whatever was read from the state before may have changed afterwards.
 */
#ifndef WARREN_H
#define WARREN_H

#include <stddef.h>
#include <stdint.h>

/* What every call returns. error is 0, a number of the service's own, or a system error. */
typedef struct {
    uint64_t error;
    uint64_t value;
} w_ret;

enum {
    W_LOST = 0x10000,
    W_REVOKED,
    W_BUDGET,
    W_REENTERED,
    W_BAD_REFERENCE,
    W_BAD_BUFFER,
    W_TOO_DEEP,
    W_BAD_ARGUMENT,
    W_BAD_ANSWER,
    W_GONE,
    W_ABSENT,
    W_NOT_ATOMIC,
    W_PANICKED,
    W_DEADLINE,
    W_KILLED,
};

static inline w_ret w_ok(uint64_t value) {
    return (w_ret){0, value};
}

static inline w_ret w_error(uint64_t error) {
    return (w_ret){error, 0};
}

/* Fails a constructor or a start hook with a literal text, which the system writes to the log. */
#define W_REFUSE(text) \
    (w_ret){0xffff, (uint64_t)(text) | (uint64_t)(sizeof(text) - 1) << 48}

/* Returns from the function around it if the call failed; gives the call's value otherwise. */
#define W_TRY(call)                \
    __extension__({                \
        w_ret w_try_ = (call);     \
        if (w_try_.error)          \
            return w_try_;         \
        w_try_.value;              \
    })

#define W_SYMBOL(name) __asm__(name)

/* System calls. A reference is passed as its word. */
w_ret w_keep(uint64_t reference) W_SYMBOL("wsys.keep");
w_ret w_release(uint64_t reference) W_SYMBOL("wsys.release");
w_ret w_pin(uint64_t reference) W_SYMBOL("wsys.pin");
w_ret w_weak(uint64_t reference) W_SYMBOL("wsys.weak");
w_ret w_upgrade(uint64_t weak) W_SYMBOL("wsys.upgrade");
w_ret w_unweak(uint64_t weak) W_SYMBOL("wsys.unweak");
w_ret w_spawn(uint64_t kind, void *state) W_SYMBOL("wsys.spawn");
w_ret w_this(void) W_SYMBOL("wsys.this");
w_ret w_root(uint64_t kind) W_SYMBOL("wsys.root");
w_ret w_scope(void) W_SYMBOL("wsys.scope");
w_ret w_scope_end(uint64_t mark) W_SYMBOL("wsys.scope_end");
w_ret w_unlock(void) W_SYMBOL("wsys.unlock");
w_ret w_lock(void) W_SYMBOL("wsys.lock");
w_ret w_yield(void) W_SYMBOL("wsys.yield");
w_ret w_grow(uint64_t bytes) W_SYMBOL("wsys.grow");
w_ret w_deadline(uint64_t until_ns) W_SYMBOL("wsys.deadline");
w_ret w_deadline_end(uint64_t mark) W_SYMBOL("wsys.deadline_end");
_Noreturn void w_panic(const char *text, size_t bytes) W_SYMBOL("wsys.panic");

/* The required references in the order of the description; 0 where an optional one is absent. The system
 * may replace them at any time. */
extern const volatile uint64_t w_required[] W_SYMBOL("wsys.required")
    __attribute__((visibility("default")));

/* Requirement number index as a reference to a service. */
#define W_REQUIRED(service, index) ((service){w_required[index]})

/* One kind of object: a service of the root, or a local server. */
typedef struct {
    uint64_t service;
    const void *entries;
    uint64_t entry_count;
    void (*drop)(void *state); /* null for the root's kinds */
} w_kind;

/* The exported table. */
typedef struct {
    uint64_t version;
    w_ret (*construct)(void *state);
    w_ret (*start)(void *state); /* may be null */
    w_ret (*destruct)(void *state);
    const w_kind *kinds;
    uint64_t kind_count;
} w_server;

/* Defines the exported table: constructor, start hook, destructor, array of kinds. */
#define W_SERVER(construct, start, destruct, kinds)                            \
    __attribute__((visibility("default"), used)) const w_server warren_server = { \
        1, construct, start, destruct, kinds, sizeof(kinds) / sizeof((kinds)[0])}

/* The description: records, each of which is one of the macros below or <service>_PROVIDES,
 * <service>_LOCAL, <service>_REQUIRES("field"), <service>_OPTIONAL("field") of the services' header. It goes through the
 * assembler, which knows the lengths of records, and into a function, which knows the size of the state. */
#define W_DESCRIPTION(flags, stack, state, records)                             \
    __attribute__((used, noinline)) static void w_description(void) {           \
        __asm__ volatile(".pushsection .warren,\"a\",@progbits\n"               \
                         ".ascii \"WRN\\001\"\n.short 1\n" records              \
                         ".byte 'A'\n.short 16\n.long %c0, %c1, %c2, %c3\n"     \
                         ".popsection\n" ::"i"(flags),                          \
                         "i"(stack), "i"(sizeof(state)), "i"(_Alignof(state))); \
    }

#define W_RECORD(tag, contents) ".byte '" tag "'\n.short 2f - 1f\n1:\n" contents "2:\n"
#define W_NAME(text) W_RECORD("N", ".ascii \"" text "\"\n")
#define W_SUMMARY(text) W_RECORD("D", ".ascii \"" text "\"\n")
#define W_PARAMETER(text) W_RECORD("M", ".ascii \"" text "\"\n")
#define W_SERVICE(tag, id, flags, text) \
    W_RECORD(tag, ".long " id "\n.byte " flags "\n.ascii \"" text "\"\n")
#define W_FUNCTION(text) W_RECORD("F", ".ascii \"" text "\"\n")

/* Flag of a server whose entries may run in several threads at a time. */
#define W_CONCURRENT 1

#endif
