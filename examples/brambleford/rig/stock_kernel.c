/* Answers uname(2) with the kernel of a stock Debian 12, whatever machine the rig runs on. */
#include <string.h>
#include <sys/utsname.h>

int uname(struct utsname *name)
{
	memset(name, 0, sizeof *name);
	strcpy(name->sysname, "Linux");
	strcpy(name->nodename, "cache");
	strcpy(name->release, "6.1.0-28-amd64");
	strcpy(name->version, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1");
	strcpy(name->machine, "x86_64");
	return 0;
}
