/* The first process of the guest: loads drivers, mounts the disk, and measures, or starts a shell.
 *
 * The kernel's command line says which: warren=measure, warren=crosstalk, warren=accounts, warren=network, warren=hosted for Warren itself in a process, or
 * warren=prompt. */
#define _GNU_SOURCE
#include "measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CALIBRATION = 100000 };
static const char FILE_ON_DISK[] = "/mnt/docs/ARCHITECTURE.md";

/* The modules that the tool packed, in the order of their names' numbers. */
static void load_modules(void)
{
	struct dirent **entries;
	int count = scandir("/modules", &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[300];
		snprintf(path, sizeof path, "/modules/%s", entries[i]->d_name);
		if (entries[i]->d_name[0] == '.')
			continue;
		int file = open(path, O_RDONLY | O_CLOEXEC);
		if (file < 0 || syscall(SYS_finit_module, file, "", 0))
			fail(path);
		close(file);
	}
}

/* The disk's node appears when its driver has found it. */
static void mount_disk(void)
{
	struct timespec moment = { 0, 1000000 };
	for (int i = 0; i < 5000 && access("/dev/vda", F_OK); i++)
		nanosleep(&moment, NULL);
	if (mount("/dev/vda", "/mnt", "ext4", MS_RDONLY, NULL))
		fail("mount");
}

/* Writes the first line of a file as a setting. */
static void setting(const char *name, const char *path)
{
	char text[300] = "";
	FILE *file = fopen(path, "r");
	if (file != NULL) {
		if (fgets(text, sizeof text, file) != NULL)
			text[strcspn(text, "\n\"")] = 0;
		fclose(file);
	}
	printf("{\"setting\":\"%s\",\"is\":\"%s\"}\n", name, text);
}

static void settings(void)
{
	struct utsname name;
	uname(&name);
	printf("{\"setting\":\"kernel\",\"is\":\"%s %s\"}\n", name.release, name.version);
	setting("command line", "/proc/cmdline");
	setting("clock source", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	setting("spectre_v2", "/sys/devices/system/cpu/vulnerabilities/spectre_v2");
	setting("meltdown", "/sys/devices/system/cpu/vulnerabilities/meltdown");
	setting("mds", "/sys/devices/system/cpu/vulnerabilities/mds");
	char flags[4000] = "";
	FILE *file = fopen("/proc/cpuinfo", "r");
	while (file != NULL && fgets(flags, sizeof flags, file) != NULL && strncmp(flags, "flags", 5) != 0)
		;
	printf("{\"setting\":\"rep movsb for copies\",\"is\":\"%s\"}\n",
	       strstr(flags, " erms") != NULL ? "yes" : "no");
	printf("{\"setting\":\"page table isolation\",\"is\":\"%s\"}\n",
	       strstr(flags, " pti") != NULL ? "yes" : "no");
	fflush(stdout);
}

/* What a tick is: 1 where the processor's clock counts instructions. */
static void calibrate(void)
{
	unsigned long rounds = CALIBRATION;
	uint64_t start = ticks();
	__asm__ volatile("1: dec %0\n jnz 1b" : "+r"(rounds) : : "cc");
	printf("{\"calibration\":%.3f}\n", (ticks() - start) / (2.0 * CALIBRATION));
	fflush(stdout);
}

/* Faults that are measured are not told to the log. */
static void keep_faults_quiet(void)
{
	int file = open("/proc/sys/debug/exception-trace", O_WRONLY | O_CLOEXEC);
	if (file < 0 || write(file, "0", 1) != 1)
		fail("exception-trace");
	close(file);
}

static void measure_all(void)
{
	settings();
	calibrate();
	measure_calls();
	measure_files(FILE_ON_DISK);
	measure_faults();
	measure_processes();
	execl("/load", "/load", NULL);
	fail("/load");
}

/* A film beside greedy clients. */
static void play_film(void)
{
	settings();
	measure_crosstalk(FILE_ON_DISK);
	exit(0);
}

/* Two clients of one server. */
static void audit(void)
{
	settings();
	measure_accounts(FILE_ON_DISK);
	exit(0);
}

/* Echo, discard and character generator, until the machine is ended. */
static void serve_network(void)
{
	settings();
	serve_streams();
}

/* Warren in a process, with a script. */
static void run_hosted(void)
{
	int script = open("/script", O_RDONLY), log = open("/dev/null", O_WRONLY);
	if (dup2(script, 0) < 0 || dup2(log, 2) < 0)
		fail("/script");
	settings();
	execl("/hosted", "/hosted", "--archive", "/boot.tar", "--disk", "/disk", NULL);
	fail("/hosted");
}

/* Measures in a process of its own: the first one is special to the kernel. */
static void measure(void (*all)(void))
{
	int status;
	keep_faults_quiet();
	pid_t child = fork();
	if (child == 0)
		all();
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		fail("the benchmark");
	printf("{\"done\":true}\n");
	fflush(stdout);
}

static void (*work_called(const char *name))(void)
{
	static const struct {
		const char *name;
		void (*all)(void);
	} KNOWN[] = { { "crosstalk", play_film }, { "accounts", audit },
		      { "network", serve_network }, { "hosted", run_hosted } };
	for (size_t i = 0; name != NULL && i < sizeof KNOWN / sizeof *KNOWN; i++)
		if (strcmp(name, KNOWN[i].name) == 0)
			return KNOWN[i].all;
	return measure_all;
}

int main(void)
{
	if (mount("proc", "/proc", "proc", 0, NULL) || mount("sysfs", "/sys", "sysfs", 0, NULL) ||
	    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		fail("mount");
	load_modules();
	mount_disk();
	const char *what = getenv("warren");
	if (what != NULL && strcmp(what, "prompt") == 0) {
		setenv("PS1", "linux$ ", 1);
		execl("/busybox", "sh", "-i", NULL);
		fail("sh");
	}
	measure(work_called(what));
	reboot(RB_POWER_OFF);
	return 0;
}
