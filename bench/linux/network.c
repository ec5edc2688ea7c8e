/* Echo, discard and character generator over TCP, by one process that polls, as the server `services` of Warren does it: 32 KiB are read or written
 * at a time. What goes through is counted from outside. */
#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* This station in QEMU's user network; all others are on the same link. */
static const char ADDRESS[] = "10.0.2.15", MASK[] = "255.255.255.0", DEVICE[] = "eth0";
static const uint16_t PORTS[] = { 7, 9, 19 };
enum { ECHO, DISCARD, CHARACTERS, SERVICES, MOST = 64, CHUNK = 32 * 1024 };
/* Lines of 72 characters and their ends, each of which begins one character later (RFC 864). */
enum { COUNT = 95, LINE = 72, WHOLE_LINE = LINE + 2, ROUND = COUNT * WHOLE_LINE };

static struct pollfd polled[MOST];
static struct {
	int service;
	size_t at;
} talks[MOST];
static char text[ROUND + CHUNK], chunk[CHUNK];

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
	for (int i = SERVICES; socket >= 0 && i < MOST; i++)
		if (polled[i].fd < 0) {
			talks[i].service = service;
			talks[i].at = 0;
			polled[i] = (struct pollfd){ socket, service == CHARACTERS ? POLLOUT : POLLIN, 0 };
			return;
		}
	close(socket);
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
	if (talks[i].service == ECHO && count > 0)
		return send(socket, chunk, count, MSG_NOSIGNAL) == count;
	return count > 0;
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
	for (;;) {
		if (poll(polled, MOST, -1) < 0)
			fail("poll");
		for (int i = 0; i < MOST; i++) {
			if (polled[i].fd < 0 || polled[i].revents == 0)
				continue;
			if (i < SERVICES) {
				begin(accept(polled[i].fd, NULL, NULL), i);
			} else if (!go_on(i)) {
				close(polled[i].fd);
				polled[i].fd = -1;
			}
		}
	}
}
