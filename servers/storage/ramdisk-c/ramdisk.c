/*
 * A disk in memory, in C: the twin of the server `ramdisk`, which passes the same tests.
 *
 * State, and what a restart loses: all blocks. A new instance starts with zeroes.
 *
 * The blocks are the instance's heap. It never shrinks, and this server takes all of it at once, so there is
 * no allocator.
 */
#include <services.h>

enum {
    BLOCK_BYTES = 512,
    DEFAULT_BLOCKS = 2048,
    PAGE_BYTES = 4096,
    STACK_BYTES = 16384,
};

/* Numbers of BlockError and ParameterError. */
enum { OUT_OF_RANGE = 1, BAD_LENGTH = 2 };
enum { UNSET = 1 };

struct disk {
    uint8_t *bytes;
    uint64_t blocks;
};

void *memcpy(void *to, const void *from, size_t bytes);

/* A decimal number, cut to what is too large for any memory; 0 if the text is none. */
static uint64_t number(const uint8_t *text, size_t length) {
    uint64_t value = 0;
    for (size_t at = 0; at < length; at++) {
        if (text[at] < '0' || text[at] > '9')
            return 0;
        if (value < UINT32_MAX)
            value = value * 10 + (text[at] - '0');
    }
    return value;
}

static w_ret construct(void *state) {
    struct disk *disk = state;
    uint8_t text[20];
    w_ret length = Parameters_get(W_REQUIRED(Parameters, 0), (const uint8_t *)"blocks", 6, text,
                                  sizeof text);
    uint64_t blocks = DEFAULT_BLOCKS;
    if (!length.error) {
        blocks = length.value <= sizeof text ? number(text, length.value) : 0;
        if (blocks == 0)
            return W_REFUSE("`blocks` is no number of blocks");
    } else if (length.error != UNSET) {
        return w_error(length.error);
    }
    uint64_t bytes = (blocks * BLOCK_BYTES + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    disk->bytes = (uint8_t *)W_TRY(w_grow(bytes));
    disk->blocks = blocks;
    return w_ok(0);
}

static w_ret destruct(void *state) {
    (void)state;
    return w_ok(0);
}

/* Why a range is not one of whole blocks of the disk; 0 if it is. */
static uint64_t refuse(const struct disk *disk, uint64_t first, size_t bytes) {
    if (bytes % BLOCK_BYTES)
        return BAD_LENGTH;
    if (first > disk->blocks || bytes / BLOCK_BYTES > disk->blocks - first)
        return OUT_OF_RANGE;
    return 0;
}

static w_ret block_bytes(struct disk *disk) {
    (void)disk;
    return w_ok(BLOCK_BYTES);
}

static w_ret blocks(struct disk *disk) {
    return w_ok(disk->blocks);
}

static w_ret read(struct disk *disk, uint64_t first, uint8_t *buffer, size_t bytes) {
    uint64_t error = refuse(disk, first, bytes);
    if (error)
        return w_error(error);
    memcpy(buffer, disk->bytes + first * BLOCK_BYTES, bytes);
    return w_ok(0);
}

static w_ret write(struct disk *disk, uint64_t first, const uint8_t *buffer, size_t bytes) {
    uint64_t error = refuse(disk, first, bytes);
    if (error)
        return w_error(error);
    memcpy(disk->bytes + first * BLOCK_BYTES, buffer, bytes);
    return w_ok(0);
}

static w_ret flush(struct disk *disk) {
    (void)disk;
    return w_ok(0);
}

static const BlockDevice_ENTRIES(struct disk) entries = {block_bytes, blocks, read, write, flush};

static const w_kind kinds[] = {{BlockDevice_ID, &entries, 5, 0}};

W_SERVER(construct, 0, destruct, kinds);

W_DESCRIPTION(0, STACK_BYTES, struct disk,
              W_NAME("ramdisk-c")
              W_SUMMARY("A disk in memory, in C")
              BlockDevice_PROVIDES
              Parameters_REQUIRES("parameters")
              W_PARAMETER("blocks"))
