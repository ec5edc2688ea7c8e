/* A fault that a handler gets, and a fault that ends a process. */
#define _GNU_SOURCE
#include "measure.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { ROUNDS = 200, DEATHS = 20 };

/* Reads address 0. */
static void read_null(void)
{
	__asm__ volatile("xor %%eax, %%eax\n movb 0(%%rax), %%al\n" : : : "rax", "memory");
}

/* Goes on behind the instruction, which has two bytes: the assembler leaves the 0 away. */
static void go_on(int signal, siginfo_t *information, void *context)
{
	(void)signal;
	(void)information;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

static void die(void)
{
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		read_null();
		_exit(0);
	}
	int status;
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
		fail("the process did not die");
}

void measure_faults(void)
{
	struct sigaction handler = { .sa_sigaction = go_on, .sa_flags = SA_SIGINFO };
	struct rlimit none = { 0, 0 };
	if (sigaction(SIGSEGV, &handler, NULL) || setrlimit(RLIMIT_CORE, &none))
		fail("sigaction");
	row("faults", "SIGSEGV handled", ROUNDS, read_null);
	fflush(stdout);
	row("faults", "process forked, killed by SIGSEGV, waited for", DEATHS, die);
	signal(SIGSEGV, SIG_DFL);
}
