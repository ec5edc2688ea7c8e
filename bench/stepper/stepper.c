/* Runs a program, and counts the instructions that it executes from one time that it is at an address to the next.
 *
 * The processor's own breakpoint finds the Nth time, and single steps count from there. Signals that come meanwhile wait until
 * the round is over, so that a timer changes no count. After the last round the program goes on by itself, and its status is this
 * one's. One Linux thread only: others of the program are not stopped.
 *
 * use: stepper OUT ADDRESS:N[,ADDRESS:N...] PROGRAM ARGUMENT...
 * OUT gets a line for each round, in their order: the address, and the number of instructions. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* In DR7: the first breakpoint is on, and is one of execution. */
enum { OFF = 0, FIRST = 1 };
/* Exit status where nothing can be counted. */
enum { BROKEN = 99 };

static pid_t program;
/* The signal that waits, or 0. */
static int held;

static void fail(const char *what)
{
	fprintf(stderr, "stepper: %s: errno %d\n", what, errno);
	if (program > 0)
		kill(program, SIGKILL);
	exit(BROKEN);
}

static void breakpoint(uint64_t address, uint64_t control)
{
	if (ptrace(PTRACE_POKEUSER, program, offsetof(struct user, u_debugreg[7]), OFF) != 0
	    || ptrace(PTRACE_POKEUSER, program, offsetof(struct user, u_debugreg[0]), address) != 0
	    || ptrace(PTRACE_POKEUSER, program, offsetof(struct user, u_debugreg[7]), control) != 0)
		fail("the processor takes no breakpoint");
}

static uint64_t place(void)
{
	return (uint64_t)ptrace(PTRACE_PEEKUSER, program, offsetof(struct user, regs.rip), 0);
}

/* Lets the program go on until it stops, and says by which signal. */
static int go_on(enum __ptrace_request how, int signal)
{
	int status;
	if (ptrace(how, program, 0, signal) != 0 || waitpid(program, &status, 0) != program)
		fail("the program cannot be traced");
	if (!WIFSTOPPED(status)) {
		fprintf(stderr, "stepper: the program has ended before the last round\n");
		exit(BROKEN);
	}
	return WSTOPSIG(status);
}

/* Goes on until the program is at the address, the Nth time that it is, counted from 0. */
static void find(uint64_t address, uint64_t times)
{
	breakpoint(address, FIRST);
	int signal = held;
	held = 0;
	for (;;) {
		signal = go_on(PTRACE_CONT, signal);
		if (signal != SIGTRAP || place() != address)
			continue;
		if (times-- == 0)
			break;
		signal = 0;
	}
	breakpoint(0, OFF);
}

static uint64_t count_round(uint64_t address)
{
	uint64_t count = 0;
	do {
		int signal = go_on(PTRACE_SINGLESTEP, 0);
		if (signal == SIGTRAP)
			count++;
		else
			held = signal;
	} while (count == 0 || place() != address);
	return count;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: stepper OUT ADDRESS:N[,ADDRESS:N...] PROGRAM ARGUMENT...\n");
		return BROKEN;
	}
	FILE *out = fopen(argv[1], "w");
	if (out == NULL)
		fail("the file for the counts cannot be written");
	program = fork();
	if (program < 0)
		fail("no process");
	if (program == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv(argv[3], argv + 3);
		_exit(BROKEN);
	}
	int status;
	if (waitpid(program, &status, 0) != program || !WIFSTOPPED(status))
		fail("the program cannot be started");
	if (ptrace(PTRACE_SETOPTIONS, program, 0, PTRACE_O_EXITKILL) != 0)
		fail("the program cannot be traced");
	for (char *rounds = argv[2]; *rounds != 0; rounds += *rounds == ',') {
		uint64_t address = strtoull(rounds, &rounds, 0);
		uint64_t times = *rounds == ':' ? strtoull(rounds + 1, &rounds, 0) : 0;
		if (address == 0 || (*rounds != ',' && *rounds != 0))
			fail("rounds are ADDRESS:N, with commas between them");
		find(address, times);
		fprintf(out, "%#lx %lu\n", (unsigned long)address, (unsigned long)count_round(address));
	}
	fclose(out);
	if (ptrace(PTRACE_DETACH, program, 0, held) != 0 || waitpid(program, &status, 0) != program)
		fail("the program cannot be let go");
	return WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
}
