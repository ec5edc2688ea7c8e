#define _GNU_SOURCE
#include "pieces.h"

#include "measure.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of the whole pieces of the file. */
static uint64_t file_bytes;

void exactly(ssize_t count, size_t expected, const char *what)
{
	if (count != (ssize_t)expected)
		fail(what);
}

pid_t start_process(void)
{
	fflush(stdout);
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	return child;
}

/* Whoever asks for an offset gets the piece there, each connection in turn. */
static void serve(int file, const int *connections, int count)
{
	struct pollfd polled[MOST_CLIENTS];
	unsigned char piece[PIECE];
	for (int i = 0; i < count; i++)
		polled[i] = (struct pollfd){ .fd = connections[i], .events = POLLIN };
	for (;;) {
		if (poll(polled, count, -1) < 0)
			fail("poll");
		for (int i = 0; i < count; i++) {
			uint64_t offset;
			if (!(polled[i].revents & POLLIN))
				continue;
			exactly(recv(polled[i].fd, &offset, sizeof offset, 0), sizeof offset, "a request");
			exactly(pread(file, piece, PIECE, offset), PIECE, "the file");
			exactly(send(polled[i].fd, piece, PIECE, 0), PIECE, "an answer");
		}
	}
}

pid_t start_server(const char *path, struct reader *readers, int count)
{
	int connections[MOST_CLIENTS], file = open(path, O_RDONLY);
	struct stat status;
	if (file < 0 || fstat(file, &status) || status.st_size < PIECE)
		fail(path);
	if (count > MOST_CLIENTS)
		fail("too many clients");
	file_bytes = status.st_size / PIECE * PIECE;
	for (int i = 0; i < count; i++) {
		int ends[2];
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
			fail("socketpair");
		readers[i].server = ends[0], readers[i].offset = 0, connections[i] = ends[1];
	}
	pid_t server = start_process();
	if (server == 0)
		serve(file, connections, count);
	return server;
}

void next_piece(struct reader *reader)
{
	exactly(send(reader->server, &reader->offset, sizeof reader->offset, 0), sizeof reader->offset, "a request");
	exactly(recv(reader->server, reader->piece, PIECE, 0), PIECE, "an answer");
	reader->offset = (reader->offset + PIECE) % file_bytes;
}
