/*
 * Loaded into btvirt (LD_PRELOAD) by the tests of iot:ble over UART, for two things:
 *
 * btvirt puts its sockets at /tmp/bt-server-*, whoever else has done so: here they go to the folder in BTVIRT_DIR.
 *
 * An emulated controller opens the kernel's ciphers (AF_ALG) when it is made, and is not made where the kernel has
 * none. It needs them for pairing and private addresses only, which these tests do without: it gets a socket that can
 * do nothing.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX "/tmp/bt-server-"

/* The path to use in the place of `path`; NULL for one that stays as it is, or does not fit. */
static const char *moved(const char *path, char *to, size_t size)
{
	const char *folder = getenv("BTVIRT_DIR");
	if (folder == NULL || strncmp(path, PREFIX, strlen(PREFIX)) != 0)
		return NULL;
	int length = snprintf(to, size, "%s/%s", folder, path + strlen("/tmp/"));
	return length > 0 && (size_t)length < size ? to : NULL;
}

int socket(int domain, int type, int protocol)
{
	int (*real)(int, int, int) = dlsym(RTLD_NEXT, "socket");
	int fd = real(domain, type, protocol);
	if (fd < 0 && domain == AF_ALG && errno == EAFNOSUPPORT)
		fd = real(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return fd;
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	if (address->sa_family == AF_UNIX &&
	    moved(((const struct sockaddr_un *)address)->sun_path, own.sun_path, sizeof own.sun_path) != NULL)
		return real(fd, (const struct sockaddr *)&own, sizeof own);
	int result = real(fd, address, length);
	/* The socket that stands for a cipher is of another family. */
	return result < 0 && address->sa_family == AF_ALG && errno == EINVAL ? 0 : result;
}

int unlink(const char *path)
{
	int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
	char own[sizeof((struct sockaddr_un *)0)->sun_path];
	const char *instead = moved(path, own, sizeof own);
	return real(instead != NULL ? instead : path);
}
