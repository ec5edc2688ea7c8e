/* A library loaded and unloaded by the dynamic linker. A program of its own, because it must be linked dynamically. */
#include "measure.h"

#include <dlfcn.h>
#include <stddef.h>

enum { ROUNDS = 20 };

static void load(void)
{
	void *library = dlopen("/library.so", RTLD_NOW);
	if (library == NULL || dlsym(library, "nothing") == NULL)
		fail("dlopen");
	dlclose(library);
}

int main(void)
{
	row("servers", "dlopen, dlclose", ROUNDS, load);
	return 0;
}
