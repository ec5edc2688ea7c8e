/* A plugin of QEMU: counts the instructions that the guest executes, and writes the number when the machine ends.
 *
 * With `live=FILE` the number stands in that file's first eight bytes all the time instead, for whoever wants to know what the guest does between
 * two events outside of it; with `at=ADDRESS` beside it, the next eight are how often the instruction there was. With `places=FILE` beside it that file has how often each instruction was executed: pairs of
 * words, an address and its count, in no order; where the address is 0 there is none.
 *
 * With `at=ADDRESS,skip=N` it also lists the address of each instruction from the Nth time that the one at
 * ADDRESS is executed to the next. Whoever knows what a loop calls gets one round of the loop by that.
 *
 * One processor only. What of QEMU's interface is used is declared here: distributions leave the header away.
 * use: -plugin libcounter.so,out=FILE[,at=ADDRESS,skip=N], or -plugin libcounter.so,live=FILE[,at=ADDRESS][,places=FILE] */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *),
						   int flags, void *);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int operation, void *,
						       uint64_t);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);

EXPORTED int qemu_plugin_version = 1;

/* QEMU's numbers for: use no registers; add. */
enum { NO_REGISTERS = 0, ADD = 0 };
/* Instructions that can be told apart: a power of two. */
enum { PLACES = 1 << 20 };

struct place {
	uint64_t address, count;
};

static FILE *out;
static uint64_t executed, at, skip, seen;
/* Where the number is, and behind it, if others see it all the time, that of one address. */
static uint64_t *number = &executed;
/* Where the counts of each address are, if anybody wants them. */
static struct place *places;
static bool listing;

/* Called before each instruction, if there is a loop to be found. */
static void step(unsigned cpu, void *address)
{
	(void)cpu;
	if ((uint64_t)address == at)
		listing = seen++ == skip;
	if (listing)
		fprintf(out, "%#" PRIxPTR "\n", (uintptr_t)address);
}

/* Where an address is counted. Those that find no place are counted together in the last one. */
static uint64_t *count_of(uint64_t address)
{
	uint64_t at = address * 0x9e3779b97f4a7c15 >> 44;
	for (size_t i = 0; i < PLACES - 1; i++) {
		struct place *place = &places[(at + i) % (PLACES - 1)];
		if (place->address == 0)
			place->address = address;
		if (place->address == address)
			return &place->count;
	}
	return &places[PLACES - 1].count;
}

static void translate(plugin_id id, struct qemu_plugin_tb *block)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
		struct qemu_plugin_insn *one = qemu_plugin_tb_get_insn(block, i);
		qemu_plugin_register_vcpu_insn_exec_inline(one, ADD, number, 1);
		if (places != NULL)
			qemu_plugin_register_vcpu_insn_exec_inline(
				one, ADD, count_of(qemu_plugin_insn_vaddr(one)), 1);
		if (number != &executed) {
			if (qemu_plugin_insn_vaddr(one) == at)
				qemu_plugin_register_vcpu_insn_exec_inline(one, ADD, number + 1, 1);
		} else if (at != 0) {
			qemu_plugin_register_vcpu_insn_exec_cb(one, step, NO_REGISTERS,
							       (void *)qemu_plugin_insn_vaddr(one));
		}
	}
}

static void finish(plugin_id id, void *unused)
{
	(void)id;
	(void)unused;
	fprintf(out, "executed %" PRIu64 "\n", executed);
	fclose(out);
}

/* Memory that is the beginning of a file; nothing if there can be no such file. */
static void *shared(const char *path, size_t bytes)
{
	int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0 || ftruncate(file, bytes) != 0)
		return NULL;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	return memory == MAP_FAILED ? NULL : memory;
}

EXPORTED int qemu_plugin_install(plugin_id id, const void *information, int count, char **words)
{
	(void)information;
	bool wants_places = false;
	for (int i = 0; i < count; i++) {
		if (strncmp(words[i], "out=", 4) == 0)
			out = fopen(words[i] + 4, "w");
		else if (strncmp(words[i], "live=", 5) == 0)
			number = shared(words[i] + 5, 2 * sizeof *number);
		else if (strncmp(words[i], "places=", 7) == 0)
			places = shared(words[i] + 7, PLACES * sizeof *places), wants_places = true;
		else if (strncmp(words[i], "at=", 3) == 0)
			at = strtoull(words[i] + 3, NULL, 0);
		else if (strncmp(words[i], "skip=", 5) == 0)
			skip = strtoull(words[i] + 5, NULL, 0);
	}
	bool is_live = number != &executed;
	if (number == NULL || is_live == (out != NULL) || wants_places != (places != NULL))
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	if (!is_live)
		qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
