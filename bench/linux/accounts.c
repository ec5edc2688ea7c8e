/* Who pays: two clients of one file server, of which one asks for ten times as much as the other.
 *
 * What each process has used is its user and system time together, as the kernel charges them. */
#define _GNU_SOURCE
#include "measure.h"
#include "pieces.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many as in Warren's system `accounts`. */
static const struct client {
	const char *name;
	unsigned long reads;
} CLIENTS[] = { { "small", 30000 }, { "large", 300000 } };

enum { COUNT = sizeof CLIENTS / sizeof *CLIENTS };

static uint64_t microseconds(struct timeval time)
{
	return time.tv_sec * 1000000ull + time.tv_usec;
}

/* Waits until a process has ended, and says what it has used. */
static void tell(const char *name, pid_t process, int is_killed)
{
	struct rusage used;
	int status;
	if (wait4(process, &status, 0, &used) != process || (status != 0 && !is_killed))
		fail(name);
	uint64_t used_us = microseconds(used.ru_utime) + microseconds(used.ru_stime);
	printf("{\"process\":\"%s\",\"used_ns\":%lu}\n", name, used_us * 1000);
}

void measure_accounts(const char *path)
{
	static struct reader readers[COUNT];
	pid_t clients[COUNT], server = start_server(path, readers, COUNT);
	for (int i = 0; i < COUNT; i++) {
		clients[i] = start_process();
		if (clients[i] == 0) {
			for (unsigned long read = 0; read < CLIENTS[i].reads; read++)
				next_piece(&readers[i]);
			_exit(0);
		}
	}
	for (int i = 0; i < COUNT; i++)
		tell(CLIENTS[i].name, clients[i], 0);
	kill(server, SIGKILL);
	tell("server", server, 1);
	fflush(stdout);
}
