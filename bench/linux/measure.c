#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

enum { TRIES = 3 };

static void nothing(void)
{
	__asm__ volatile("");
}

/* Ticks of the shortest try. The first one warms up. */
static uint64_t shortest(unsigned long rounds, work_t work)
{
	uint64_t best = UINT64_MAX;
	for (int try = 0; try <= TRIES; try++) {
		uint64_t start = ticks();
		for (unsigned long round = 0; round < rounds; round++)
			work();
		uint64_t took = ticks() - start;
		if (try > 0 && took < best)
			best = took;
	}
	return best;
}

void row(const char *group, const char *what, unsigned long rounds, work_t work)
{
	double loop = shortest(rounds, nothing), whole = shortest(rounds, work);
	printf("{\"group\":\"%s\",\"what\":\"%s\",\"whole\":%.3f}\n", group, what, (whole - loop) / rounds);
	fflush(stdout);
}

void fail(const char *what)
{
	printf("{\"error\":\"%s: %s\"}\n", what, strerror(errno));
	fflush(stdout);
	sync();
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	_exit(1);
}
