/* Echo, discard and character generator over TCP, echo over UDP, and documents by HTTP, by one process that polls, as the servers `services` and `http` of
 * Warren do it: 64 KiB are read or written at a time. What goes through is counted from outside. */
#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* This station in QEMU's user network; all others are on the same link. */
static const char ADDRESS[] = "10.0.2.15", MASK[] = "255.255.255.0", DEVICE[] = "eth0";
static const uint16_t PORTS[] = { 7, 9, 19, 80 };
/* Of the services by TCP the last is HTTP; the datagrams' socket is polled behind their ports. */
enum { ECHO, DISCARD, CHARACTERS, DOCUMENTS, SERVICES, DATAGRAMS = SERVICES, FIRST, MOST = 64, CHUNK = 64 * 1024 };
static const char FOLDER[] = "/mnt/docs";
/* Lines of 72 characters and their ends, each of which begins one character later (RFC 864). */
enum { COUNT = 95, LINE = 72, WHOLE_LINE = LINE + 2, ROUND = COUNT * WHOLE_LINE };

static struct pollfd polled[MOST];
static struct {
	int service;
	size_t at;
} talks[MOST];
/* One byte more, for the end of a string. */
static char text[ROUND + CHUNK], chunk[CHUNK + 1];

static struct sockaddr_in address_of(const char *address, uint16_t port)
{
	struct sockaddr_in all = { .sin_family = AF_INET, .sin_port = htons(port) };
	inet_pton(AF_INET, address, &all.sin_addr);
	return all;
}

static void configure(int socket, unsigned long what, const char *address)
{
	struct ifreq request = { 0 };
	strcpy(request.ifr_name, DEVICE);
	struct sockaddr_in all = address_of(address, 0);
	memcpy(&request.ifr_addr, &all, sizeof all);
	if (ioctl(socket, what, &request))
		fail(DEVICE);
}

static void bring_up(void)
{
	int any = socket(AF_INET, SOCK_DGRAM, 0);
	configure(any, SIOCSIFADDR, ADDRESS);
	configure(any, SIOCSIFNETMASK, MASK);
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };
	strcpy(request.ifr_name, DEVICE);
	if (ioctl(any, SIOCSIFFLAGS, &request))
		fail(DEVICE);
	close(any);
}

static int listening(uint16_t port)
{
	int one = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
	struct sockaddr_in here = address_of("0.0.0.0", port);
	setsockopt(one, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(one, (struct sockaddr *)&here, sizeof here) || listen(one, 128))
		fail("listen");
	return one;
}

static void begin(int socket, int service)
{
	for (int i = FIRST; socket >= 0 && i < MOST; i++)
		if (polled[i].fd < 0) {
			talks[i].service = service;
			talks[i].at = 0;
			polled[i] = (struct pollfd){ socket, service == CHARACTERS ? POLLOUT : POLLIN, 0 };
			return;
		}
	close(socket);
}

/* Sends all of it, waiting where there is no room. */
static int send_all(int socket, const char *bytes, size_t count, int flags)
{
	while (count > 0) {
		ssize_t sent = send(socket, bytes, count, MSG_NOSIGNAL | flags);
		struct pollfd one = { socket, POLLOUT, 0 };
		if (sent < 0 && (errno != EAGAIN || poll(&one, 1, -1) < 0))
			return 0;
		bytes += sent > 0 ? sent : 0;
		count -= sent > 0 ? sent : 0;
	}
	return 1;
}

/* Answers one request, which came whole, with a document; whether that went well. */
static int answer(int socket, char *request)
{
	char path[300], head[300], *end;
	struct stat about;
	if (strncmp(request, "GET /", 5) != 0 || (end = strchr(request + 4, ' ')) == NULL)
		return 0;
	*end = 0;
	if (snprintf(path, sizeof path, "%s%s", FOLDER, request + 4) >= (int)sizeof path)
		return 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &about))
		return 0;
	int length = snprintf(head, sizeof head,
			      "HTTP/1.1 200 OK\r\nContent-Type: text/markdown\r\nContent-Length: %lld\r\n\r\n",
			      (long long)about.st_size);
	int well = send_all(socket, head, length, MSG_MORE);
	ssize_t count;
	while (well && (count = read(file, chunk, CHUNK)) > 0)
		well = send_all(socket, chunk, count, 0);
	close(file);
	return well;
}

/* One chunk of a conversation; whether it goes on. */
static int go_on(int i)
{
	int socket = polled[i].fd;
	ssize_t count;
	if (talks[i].service == CHARACTERS) {
		count = send(socket, text + talks[i].at, CHUNK, MSG_NOSIGNAL | MSG_DONTWAIT);
		talks[i].at = (talks[i].at + (count > 0 ? count : 0)) % ROUND;
		return count >= 0 || errno == EAGAIN;
	}
	count = read(socket, chunk, CHUNK);
	if (talks[i].service == DOCUMENTS) {
		chunk[count > 0 ? count : 0] = 0;
		return count > 0 && strstr(chunk, "\r\n\r\n") != NULL && answer(socket, chunk);
	}
	if (talks[i].service == ECHO && count > 0)
		return send(socket, chunk, count, MSG_NOSIGNAL) == count;
	return count > 0;
}

/* Sends a datagram back. */
static void echo_datagram(int socket)
{
	struct sockaddr_in from;
	socklen_t length = sizeof from;
	ssize_t count = recvfrom(socket, chunk, CHUNK, 0, (struct sockaddr *)&from, &length);
	if (count >= 0)
		sendto(socket, chunk, count, 0, (struct sockaddr *)&from, length);
}

static int bound_for_datagrams(uint16_t port)
{
	int one = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in here = address_of("0.0.0.0", port);
	if (bind(one, (struct sockaddr *)&here, sizeof here))
		fail("bind");
	return one;
}

void serve_streams(void)
{
	for (int i = 0; i < ROUND + CHUNK; i++) {
		int line = i % ROUND / WHOLE_LINE, column = i % ROUND % WHOLE_LINE;
		text[i] = column == LINE ? '\r' : column > LINE ? '\n' : ' ' + (line + column) % COUNT;
	}
	bring_up();
	for (int i = 0; i < MOST; i++)
		polled[i] = (struct pollfd){ i < SERVICES ? listening(PORTS[i]) : -1, POLLIN, 0 };
	polled[DATAGRAMS].fd = bound_for_datagrams(PORTS[ECHO]);
	for (;;) {
		if (poll(polled, MOST, -1) < 0)
			fail("poll");
		for (int i = 0; i < MOST; i++) {
			if (polled[i].fd < 0 || polled[i].revents == 0)
				continue;
			if (i < SERVICES) {
				begin(accept(polled[i].fd, NULL, NULL), i);
			} else if (i == DATAGRAMS) {
				echo_datagram(polled[i].fd);
			} else if (!go_on(i)) {
				close(polled[i].fd);
				polled[i].fd = -1;
			}
		}
	}
}
