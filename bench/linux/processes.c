/* Processes, threads and libraries that come and go. */
#define _GNU_SOURCE
#include "measure.h"

#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 20, THREADS = 50 };

static void wait_for(pid_t child)
{
	int status;
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		fail("a process failed");
}

static void fork_exit(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	wait_for(child);
}

static char *const tiny[] = { "/tiny", NULL };

static void fork_exec(void)
{
	pid_t child = fork();
	if (child == 0) {
		execv(tiny[0], tiny);
		_exit(1);
	}
	wait_for(child);
}

static void spawn(void)
{
	pid_t child;
	if (posix_spawn(&child, tiny[0], NULL, NULL, tiny, NULL))
		fail("posix_spawn");
	wait_for(child);
}

static void *nothing(void *unused)
{
	return unused;
}

static void thread(void)
{
	pthread_t created;
	if (pthread_create(&created, NULL, nothing, NULL))
		fail("pthread_create");
	pthread_join(created, NULL);
}

void measure_processes(void)
{
	fflush(stdout);
	row("domains", "fork, exit, wait", PROCESSES, fork_exit);
	row("threads", "created and joined", THREADS, thread);
	row("servers", "fork, exec of a tiny program, exit, wait", PROCESSES, fork_exec);
	row("servers", "posix_spawn of a tiny program, exit, wait", PROCESSES, spawn);
}
