/* A file of the disk opened, read, and closed, when its blocks are in memory. */
#include "measure.h"

#include <fcntl.h>
#include <unistd.h>

enum { ROUNDS = 50, PAGE = 4096 };

static const char *path;

static void once(void)
{
	static char page[PAGE];
	int file = open(path, O_RDONLY);
	if (file < 0 || pread(file, page, PAGE, 0) != PAGE)
		fail("cannot read the file");
	close(file);
}

void measure_files(const char *of)
{
	path = of;
	row("files", "open, read 4096, close", ROUNDS, once);
}
