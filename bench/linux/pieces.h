/* A file that is read piece by piece: the process that serves it, and what its clients do. */
#ifndef PIECES_H
#define PIECES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PIECE = 4096, MOST_CLIENTS = 64 };

/* One client: its connection to the server, where it reads next, and the piece that it read last. */
struct reader {
	int server;
	uint64_t offset;
	unsigned char piece[PIECE];
};

/* Starts the server of a file for as many clients. Returns its process. */
pid_t start_server(const char *path, struct reader *readers, int count);

/* Reads the next piece; after the last whole one comes the first. */
void next_piece(struct reader *reader);

/* A new process: 0 in that process, as fork(2). */
pid_t start_process(void);

/* Fails unless so many bytes were received or sent. */
void exactly(ssize_t count, size_t expected, const char *what);

#endif
