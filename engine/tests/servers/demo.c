/* A server file without Warren's tools: what a C compiler and the system's linker make of the binary
 * contract. With a macro defined, one thing in it is wrong. */

typedef unsigned long word;
typedef struct { word error, value; } result;
typedef void (*code)(void);

struct kind { word service; const code *entries; word entry_count; code drop; };
struct descriptor {
    word version; code construct, start, destruct; const struct kind *kinds; word kind_count;
};

extern result console_write(word console, const char *text, word bytes)
    __asm__("wcall.c0150001.1.Console.write.i_n");
extern const word required[] __asm__("wsys.required");
extern const char state[] __asm__("wsys.state");

#define TEXT __attribute__((section(".warren"), used)) static const char
#define NUMBER(n) (n) & 0xff, (n) >> 8 & 0xff, (n) >> 16 & 0xff, (n) >> 24 & 0xff

TEXT description[] = {
    'W', 'R', 'N', 1, 1, 0,
    'N', 4, 0, 'd', 'e', 'm', 'o',
    'P', 10, 0, NUMBER(0xc10c0001), 1, 'C', 'l', 'o', 'c', 'k',
    'F', 10, 0, 'n', 'o', 'w', '_', 'n', 's', '(', '_', 'w', ')',
    'R', 20, 0, NUMBER(0xc0150001), 0, 'c', 'o', 'n', 's', 'o', 'l', 'e', ':',
    'C', 'o', 'n', 's', 'o', 'l', 'e',
    'F', 9, 0, 'r', 'e', 'a', 'd', '(', 'o', '_', 'w', ')',
    'F', 10, 0, 'w', 'r', 'i', 't', 'e', '(', 'i', '_', 'n', ')',
    'A', 16, 0, NUMBER(0), NUMBER(4096), NUMBER(8), NUMBER(8),
};

#ifdef WRITABLE
static word visits = 1;
#define VISIT visits++
#elif defined(THREAD_LOCAL)
static __thread word visits = 1;
#define VISIT visits++
#elif defined(LIBRARY_FUNCTION)
extern void *memcpy(void *, const void *, word);
#define VISIT memcpy((char *)state, "", 1)
#else
#define VISIT (void)state
#endif

#ifdef INITIALIZER
__attribute__((constructor)) static void early(void) { console_write(required[0], "", 0); }
#endif

#ifdef TEXT_RELOCATION
__asm__(".text\n.type table_in_text, @object\ntable_in_text: .quad warren_server\n"
        ".size table_in_text, 8\n");
#endif

static result now_ns(word self) {
    VISIT;
    return console_write(required[0], "tick", 4);
}

static result construct(word self) { return (result){0, 0}; }

static const code entries[] = {(code)now_ns};
static const struct kind kinds[] = {{0xc10c0001, entries, 1, 0}};

__attribute__((visibility("default"))) const struct descriptor warren_server = {
    1, (code)construct, 0, (code)construct, kinds, 1,
};
