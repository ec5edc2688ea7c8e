/* A loop and what one round of it costs, in the way of the benchmark server of Warren: the shortest of several
 * tries counts, and the loop itself is taken off. Under QEMU -icount shift=0 a tick is an instruction. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

/* What one round does. */
typedef void (*work_t)(void);

/* The processor's clock. */
static inline uint64_t ticks(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* Measures `rounds` rounds and writes a row: {"group":…,"what":…,"whole":…}. */
void row(const char *group, const char *what, unsigned long rounds, work_t work);

/* Writes that a system call failed, and ends the machine. */
void fail(const char *what) __attribute__((noreturn));

/* The parts. */
void measure_calls(void);
void measure_files(const char *path);
void measure_faults(void);
void measure_processes(void);
void measure_crosstalk(const char *path);
void measure_accounts(const char *path);
void serve_streams(void) __attribute__((noreturn));

#endif
