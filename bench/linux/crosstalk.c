/* A film that is played beside greedy clients of the same file server: how late its frames are.
 *
 * The structure is that of Warren's system `crosstalk`: the file server, the output, the player and each greedy client are processes;
 * they talk through Unix sockets. The kernel's command line says how many clients there are, clients=4, and how the player is
 * scheduled: player=other, player=nice (-10) or player=deadline (10 ms of each 40 ms). */
#define _GNU_SOURCE
#include "measure.h"
#include "pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 100 };
/* What decoding a frame takes in Warren's player, and what a greedy client does with a piece. */
enum { DECODE_NS = 8200000, GREEDY_NS = 410000 };
/* SCHED_DEADLINE and what sched_setattr(2) takes: not all C libraries have them. */
enum { DEADLINE = 6 };
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static const uint64_t PERIOD_NS = 40000000, SLICE_NS = 10000000;

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static uint64_t sum(const unsigned char *bytes, size_t count)
{
	uint64_t sum = 0;
	for (size_t at = 0; at < count; at++)
		sum += bytes[at];
	return sum;
}

/* Adds the bytes of a piece up, so often. */
static void work(const unsigned char *piece, unsigned long passes)
{
	for (unsigned long pass = 0; pass < passes; pass++) {
		volatile uint64_t result = sum(piece, PIECE);
		(void)result;
		__asm__ volatile("" : : : "memory");
	}
}

/* Passes over a piece of whoever decodes it and of a greedy client. */
static unsigned long decode_passes, greedy_passes;

/* Passes over a whole piece that take as many nanoseconds, which are instructions. */
static unsigned long passes_for(uint64_t ns)
{
	static const unsigned char piece[PIECE];
	/* The first time the piece is not there yet. */
	work(piece, 1);
	uint64_t start = ticks();
	work(piece, 10);
	return ns * 10 / (ticks() - start);
}

/* A client that reads and works without end. */
static void be_greedy(struct reader *reader)
{
	for (;;) {
		next_piece(reader);
		work(reader->piece, greedy_passes);
	}
}

/* The output adds up each frame that it gets. */
static void show(int player)
{
	unsigned char piece[PIECE];
	for (;;) {
		exactly(recv(player, piece, PIECE, 0), PIECE, "a frame");
		uint64_t shown = sum(piece, PIECE);
		exactly(send(player, &shown, sizeof shown, 0), sizeof shown, "the output");
	}
}

static int ascending(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

static uint64_t hundredths(const uint64_t *sorted, int of)
{
	return sorted[(FRAMES * of + 99) / 100 - 1];
}

static void schedule(const char *how)
{
	struct attributes deadline = { .size = sizeof deadline, .policy = DEADLINE, .runtime = SLICE_NS,
				       .deadline = PERIOD_NS, .period = PERIOD_NS };
	if (strcmp(how, "nice") == 0 && setpriority(PRIO_PROCESS, 0, -10))
		fail("setpriority");
	if (strcmp(how, "deadline") == 0 && syscall(SYS_sched_setattr, 0, &deadline, 0))
		fail("sched_setattr");
}

static void play(struct reader *reader, int output, const char *how)
{
	static uint64_t done_ns[FRAMES];
	uint64_t decode_ns = UINT64_MAX, shown;
	int late = 0;
	schedule(how);
	uint64_t start_ns = now_ns();
	for (int frame = 0; frame < FRAMES; frame++) {
		uint64_t release_ns = start_ns + frame * PERIOD_NS;
		struct timespec release = { release_ns / 1000000000, release_ns % 1000000000 };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &release, NULL);
		next_piece(reader);
		uint64_t read_ns = now_ns();
		work(reader->piece, decode_passes);
		uint64_t took_ns = now_ns() - read_ns;
		exactly(send(output, reader->piece, PIECE, 0), PIECE, "a frame");
		exactly(recv(output, &shown, sizeof shown, 0), sizeof shown, "the output");
		done_ns[frame] = now_ns() - release_ns;
		late += done_ns[frame] > PERIOD_NS;
		if (took_ns < decode_ns)
			decode_ns = took_ns;
	}
	qsort(done_ns, FRAMES, sizeof *done_ns, ascending);
	printf("{\"frames\":%d,\"late\":%d,\"decode_ns\":%lu,\"p50_ns\":%lu,\"p99_ns\":%lu,\"max_ns\":%lu}\n", FRAMES, late,
	       decode_ns, hundredths(done_ns, 50), hundredths(done_ns, 99), hundredths(done_ns, 100));
	fflush(stdout);
}

/* Plays the film once. The machine is switched off when this returns, and the others with it. */
void measure_crosstalk(const char *path)
{
	static struct reader readers[MOST_CLIENTS];
	const char *clients = getenv("clients"), *player = getenv("player");
	/* The first one is the player. */
	int count = 1 + (clients != NULL ? atoi(clients) : 0), output[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, output))
		fail("socketpair");
	/* Before there is anybody who interrupts it. */
	decode_passes = passes_for(DECODE_NS), greedy_passes = passes_for(GREEDY_NS);
	start_server(path, readers, count);
	if (start_process() == 0)
		show(output[1]);
	for (int i = 1; i < count; i++)
		if (start_process() == 0)
			be_greedy(&readers[i]);
	play(&readers[0], output[0], player != NULL ? player : "other");
}
