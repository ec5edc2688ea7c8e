/* What stands beside a service call: a system call that does nothing, and round trips between two. */
#define _GNU_SOURCE
#include "measure.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 1000, LARGEST = 16384 };

/* Ends of the one who asks and of the one who answers. */
static int ask_out, ask_in, answer_out, answer_in;
static size_t bytes;
static char asked[LARGEST], answered[LARGEST];
static pid_t other;

static void null_call(void)
{
	long result = SYS_getppid;
	__asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
}

/* A second process that answers for ever. */
static void start(void (*answer)(void))
{
	fflush(stdout);
	other = fork();
	if (other < 0)
		fail("fork");
	if (other == 0)
		for (;;)
			answer();
}

static void stop(void)
{
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

static void read_all(int from, char *into)
{
	for (size_t got = 0; got < bytes;) {
		ssize_t count = read(from, into + got, bytes - got);
		if (count <= 0)
			fail("read");
		got += count;
	}
}

static void write_all(int to, const char *from)
{
	if (write(to, from, bytes) != (ssize_t)bytes)
		fail("write");
}

static void ask(void)
{
	write_all(ask_out, asked);
	read_all(ask_in, asked);
}

static void answer(void)
{
	read_all(answer_in, answered);
	write_all(answer_out, answered);
}

static void round_trips(const char *through)
{
	static const size_t sizes[] = { 1, 64, 256, 1024, 4096, LARGEST };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char name[60];
		bytes = sizes[i];
		snprintf(name, sizeof name, "%s, %zu byte%s", through, bytes, bytes == 1 ? "" : "s");
		start(answer);
		row("calls", name, ROUNDS, ask);
		stop();
	}
}

static void pipes(void)
{
	int there[2], back[2];
	if (pipe(there) || pipe(back))
		fail("pipe");
	ask_out = there[1], answer_in = there[0], answer_out = back[1], ask_in = back[0];
	round_trips("pipe");
}

static void sockets(void)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		fail("socketpair");
	ask_out = ask_in = ends[0], answer_out = answer_in = ends[1];
	round_trips("Unix socket");
}

static void eventfds(void)
{
	ask_out = answer_in = eventfd(0, 0);
	answer_out = ask_in = eventfd(0, 0);
	if (ask_out < 0 || ask_in < 0)
		fail("eventfd");
	bytes = sizeof(uint64_t);
	asked[0] = 1;
	start(answer);
	row("calls", "eventfd", ROUNDS, ask);
	stop();
}

/* A descriptor sent, received, and closed: what a reference that is kept is elsewhere. */
static void pass_descriptor(void)
{
	char control[CMSG_SPACE(sizeof(int))], byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof control };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &ask_in, sizeof(int));
	if (sendmsg(ask_out, &message, 0) != 1)
		fail("sendmsg");
	message.msg_controllen = sizeof control;
	if (recvmsg(answer_in, &message, 0) != 1)
		fail("recvmsg");
	int received;
	memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	close(received);
}

static void duplicate(void)
{
	close(dup(ask_in));
}

/* Whose turn it is: 0 the asker's, 1 the answerer's, 2 nobody's. */
static volatile int *turn;
static int private_flag;

static void futex(int operation, int value)
{
	syscall(SYS_futex, turn, operation | private_flag, value, NULL, NULL, 0);
}

static void take_turn(int mine)
{
	while (__atomic_load_n(turn, __ATOMIC_SEQ_CST) == !mine)
		futex(FUTEX_WAIT, !mine);
}

static void give_turn(int theirs)
{
	__atomic_store_n(turn, theirs, __ATOMIC_SEQ_CST);
	futex(FUTEX_WAKE, 1);
}

static void futex_ask(void)
{
	give_turn(1);
	take_turn(0);
}

static void futex_answer(void)
{
	take_turn(1);
	give_turn(0);
}

static void *futex_thread(void *unused)
{
	for (;;) {
		take_turn(1);
		if (*turn == 2)
			return unused;
		give_turn(0);
	}
}

static void futexes(void)
{
	turn = mmap(NULL, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turn == MAP_FAILED)
		fail("mmap");
	*turn = 0;
	start(futex_answer);
	row("calls", "futex between processes", ROUNDS, futex_ask);
	stop();
	pthread_t thread;
	*turn = 0;
	private_flag = FUTEX_PRIVATE_FLAG;
	if (pthread_create(&thread, NULL, futex_thread, NULL))
		fail("pthread_create");
	row("calls", "futex between threads", ROUNDS, futex_ask);
	give_turn(2);
	pthread_join(thread, NULL);
}

void measure_calls(void)
{
	row("calls", "null system call", ROUNDS, null_call);
	pipes();
	sockets();
	row("references", "descriptor sent over a Unix socket and closed", ROUNDS, pass_descriptor);
	row("references", "descriptor duplicated and closed", ROUNDS, duplicate);
	eventfds();
	futexes();
}
